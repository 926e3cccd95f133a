"""Models of MLlib's that are fitted to a few rows, with what Spark predicts by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from petafit.config.settings import LearnerChoice
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Categorical, Cross, Numeric
from petafit.features.spark.stages import stages
from petafit.learners.mllib import estimators as mllib
from petafit.models.mllib import MllibModel, SparkModel, read_mllib
from petafit.models.model import model_from_named
from petafit.models.signature import Signature
from petafit.spark.compatibility import frame_of

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

FEATURES = (
    Numeric("x", log1p=True),
    Numeric("n", impute="none", scale="minmax"),
    Categorical("c"),
    Cross((Categorical("c"), Categorical("d"))),
)
NUMBERS = {
    "x": ColumnStatistics(300, 0, 1.1, 0.7, 0.0, 3.5),
    "n": ColumnStatistics(300, 30, 4.0, 3.0, -5.0, 9.0),
}


def rows() -> pa.Table:
    random = np.random.default_rng(0)
    x, n = random.exponential(3, 300), random.integers(-5, 10, 300)
    noise = random.normal(size=300)
    return pa.table(
        {
            "x": x,
            "n": pa.array(n, pa.int64(), mask=random.random(300) < 0.1),
            "c": pa.array(random.choice(["red", "green", "blue"], 300)),
            "d": pa.array(random.choice(["a", "b"], 300)),
            mllib.LABEL: np.digitize(n / 3 - np.log1p(x) + noise, [-0.5, 1.0]).astype(float),
            "number": n - 2 * x + noise,
        }
    )


def fitted(
    spark: SparkSession, folder: Path, name: str, params: dict[str, Any], counts: tuple[int, ...]
) -> tuple[SparkModel | MllibModel, np.ndarray, np.ndarray | None]:
    """A stored model, and the predictions and decisions that Spark makes with it.

    Parameters
    ----------
    counts : tuple of int
        Training rows of each class; empty for a number as label.
    """
    choice = LearnerChoice(name=f"mllib.{name}", params=params)
    kind: Any = "classifier" if counts else "regressor"
    known = TableStatistics(
        300,
        None,
        NUMBERS,
        classes=tuple(range(len(counts))) or None,
        class_counts=counts or None,
        label=None if counts else ColumnStatistics(300, 0, 0.0, 1.0, -9.0, 9.0),
    )
    table = rows()
    most = sum(map(bool, counts)) - 1
    label = np.minimum(table[mllib.LABEL], most) if counts else table["number"].to_numpy()
    place = table.column_names.index(mllib.LABEL)
    frame = frame_of(spark, table.set_column(place, mllib.LABEL, pa.array(label))).coalesce(1)
    estimator = mllib.make_estimator(choice, kind=kind, seed=0)
    model = estimator.fit(frame, stages=stages(FEATURES, known, 8))
    mllib.save(model, f"file://{folder}/model")
    own = mllib.predictions(model, frame, known).toPandas()
    encoder = Encoder(FEATURES, known, hash_bits=8, label="y", dtype="float64")
    signature = Signature(encoder, choice, table.select(["x", "n", "c", "d"]).schema)
    decided = own[mllib.DECISION].to_numpy() if counts else None
    read = read_mllib(signature, f"file://{folder}/model")
    return read, np.array(own[mllib.PREDICTION].tolist()), decided


def as_a_worker_rebuilds(model: SparkModel | MllibModel) -> MllibModel:
    """A model that its content has been sent of."""
    assert isinstance(model, MllibModel)
    rebuilt = model_from_named(model.to_state_dict())
    assert isinstance(rebuilt, MllibModel)
    return rebuilt
