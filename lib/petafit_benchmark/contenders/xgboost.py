"""XGBoost's trees on Spark ``local[2]``: its own `xgboost.spark`, and petafit's stream.

Both grow 50 rounds of depth 6. For `xgboost.spark` each string is hashed to one of 100,000 numbers,
as its guide leaves categories to the user; all rows pass through the JVM.
"""

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit_benchmark.contender import Contender, ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.contenders import petafit_runs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PARAMS: dict[str, Any] = {"n_estimators": 50, "max_depth": 6, "learning_rate": 0.3, "max_bin": 256}
CODES = 100_000

DRIVER_MEMORY = "4g"
WARM_UP_ROWS = 1 << 14


def train_by_xgboost(spec: Spec) -> ContenderRun:
    """Start a session, then let `xgboost.spark` read, cast and learn."""
    from xgboost.spark import SparkXGBClassifier

    began = time.monotonic()
    with petafit_runs.open_spark(spec, driver_memory=DRIVER_MEMORY) as spark:
        estimator = SparkXGBClassifier(
            features_col=[*spec.integers, *spec.strings],
            label_col=spec.label,
            num_workers=spec.cores,
            missing=np.nan,
            tree_method="hist",
            **PARAMS,
        )
        estimator.fit(_numbers(spec, spark, spec.files[0]).limit(WARM_UP_ROWS))
        startup = time.monotonic() - began
        began = time.monotonic()
        model = estimator.fit(_numbers(spec, spark, spec.train))
        seconds = time.monotonic() - began
        found = _probabilities(model, _numbers(spec, spark, spec.test))
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [found]),
        startup_seconds=startup,
        versions=versions("xgboost", "pyspark"),
    )


def train_on_stream(spec: Spec) -> ContenderRun:
    """Start a session, then train petafit's learner of the same trees."""
    began = time.monotonic()
    learner = {"name": "xgboost.XGBClassifier", "params": PARAMS}
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, learner=learner)
        startup = time.monotonic() - began
        settings = petafit_runs.settings_for(spec, engine="spark", learner=learner)
        began = time.monotonic()
        trained = petafit_runs.fit(settings, spark)
        seconds = time.monotonic() - began
        predictions = save_predictions(spec, trained.predictions(spec))
    return ContenderRun(
        rows=trained.rows,
        seconds=seconds,
        predictions=predictions,
        startup_seconds=startup,
        versions=petafit_runs.used_versions("xgboost", "pyspark"),
    )


def _numbers(spec: Spec, spark: "SparkSession", folder: str) -> "DataFrame":
    """The columns as numbers, NaN for null, with ``file`` and ``row``."""
    from pyspark.sql import functions as F  # noqa: N812  (Spark's own name for it)

    missing = F.lit(float("nan"))
    integers = [F.coalesce(F.col(c).cast("float"), missing).alias(c) for c in spec.integers]
    codes = [F.pmod(F.hash(c), F.lit(CODES)).cast("float") for c in spec.strings]
    strings = [
        F.when(F.col(c).isNull(), missing).otherwise(code).alias(c)
        for c, code in zip(spec.strings, codes, strict=True)
    ]
    place = [F.col("_metadata.file_path").alias("file"), F.col("_metadata.row_index").alias("row")]
    read = spark.read.parquet(folder)
    return read.select(
        F.col(spec.label).cast("float").alias(spec.label), *integers, *strings, *place
    )


def _probabilities(model: Any, rows: "DataFrame") -> np.ndarray:
    """Of the second class, in the order of the files and their rows."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F  # noqa: N812  (Spark's own name for it)

    second = vector_to_array(F.col("probability"))[1].alias("probability")
    scored = model.transform(rows).select("file", "row", second).toArrow()
    in_order = scored.sort_by([("file", "ascending"), ("row", "ascending")])
    return np.asarray(in_order["probability"].to_numpy())


BY_XGBOOST = Contender(
    title="xgboost.spark, 50 rounds",
    learner="xgboost.spark",
    train=train_by_xgboost,
    cores=2,
    requires=("xgboost", "pyspark"),
)
ON_STREAM = Contender(
    title="XGBoost on petafit's stream, Spark local[2], 50 rounds",
    learner="xgboost.XGBClassifier",
    train=train_on_stream,
    cores=2,
    requires=("xgboost", "pyspark"),
)
