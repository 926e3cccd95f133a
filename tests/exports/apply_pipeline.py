"""Applies a pipeline of Spark ML where petafit is not installed: its rows, as JSON lines."""

import importlib.util
import json
import sys

from pyspark.ml import PipelineModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import SparkSession

if __name__ == "__main__":
    folder, rows, answer = sys.argv[1:]
    assert importlib.util.find_spec("petafit") is None
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", False)
        .config("spark.driver.memory", "700m")
        .config("spark.sql.session.timeZone", "Asia/Kolkata")
        .getOrCreate()
    )
    made = PipelineModel.load(folder).transform(session.read.parquet(rows))
    columns = ("id", "prediction", "predicted_class")
    found = made.select(*columns, vector_to_array("probability").alias("probability"))
    with open(answer, "w") as file:  # noqa: PTH123
        json.dump({"columns": made.columns, "rows": [*map(list, found.collect())]}, file)
    session.stop()
