"""What a user does on Spark Connect: run as a process of its own, since the mode is a process's.

Takes a server's URL, the folder of a model store, one of Parquet files, and one for the results.
"""

import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

import petafit
from petafit.adapters.spark import FeatureEncoder
from petafit.errors import ContractError

FEATURES: list[dict[str, Any]] = [{"numeric": "speed"}, {"categorical": "city"}]


def main(url: str, models: str, table: str, results: str) -> None:
    session = SparkSession.builder.remote(url).getOrCreate()
    try:
        assert "connect" in type(session).__module__
        session.conf.set("spark.sql.execution.arrow.pythonUDF.columnarInput.enabled", "false")
        model = petafit.load_model(f"{models}/small")
        for path in Path(models).rglob("model.npz"):  # a server elsewhere could not read it
            path.unlink()
        rows = session.read.parquet(table)
        found = {
            "transform": model.transform(rows),
            "sql": _by_sql(session, model, rows),
            "stream": _streamed(session, model, rows, table, results),
            "features": _encoded(rows),
        }
        for name, frame in found.items():
            pq.write_table(frame.orderBy("id").toArrow(), f"{results}/{name}.parquet")
        try:
            model.transform(rows.drop("city"))
        except ContractError as error:
            print(error)
    finally:
        session.stop()


def _by_sql(session: Any, model: Any, rows: Any) -> Any:
    model.register(session, "predict_delay")
    rows.createOrReplaceTempView("flown")
    return session.sql("SELECT id, predict_delay(struct(*)).probability AS probability FROM flown")


def _streamed(session: Any, model: Any, rows: Any, table: str, results: str) -> Any:
    stream = model.transform(session.readStream.schema(rows.schema).parquet(table))
    writer = stream.writeStream.format("parquet").option("path", f"{results}/streamed")
    writer = writer.option("checkpointLocation", f"{results}/checkpoint")
    writer.trigger(availableNow=True).start().awaitTermination()
    return session.read.parquet(f"{results}/streamed")


def _encoded(rows: Any) -> Any:
    from pyspark.ml.functions import vector_to_array

    encoder = FeatureEncoder(features=FEATURES, hashBits=4)
    encoded = encoder.fit(rows).transform(rows)
    return encoded.select("id", vector_to_array("features").alias("features"))


if __name__ == "__main__":
    main(*sys.argv[1:])
