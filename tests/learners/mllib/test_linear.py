"""MLlib's linear models, computed without Spark: the predictions are Spark's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.learners.mllib.linear import LinearModel
from petafit.models.mllib import MllibModel, SparkModel
from tests.learners.mllib.fitting import as_a_worker_rebuilds, fitted, rows

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("LogisticRegression", {"regParam": 0.01}, (150, 150)),
    ("LogisticRegression", {"threshold": 0.2}, (150, 150)),
    ("LogisticRegression", {"thresholds": [0.2, 0.9]}, (150, 150)),
    ("LogisticRegression", {"family": "multinomial", "thresholds": [0.9, 0.3]}, (150, 150)),
    ("LogisticRegression", {"regParam": 0.05, "elasticNetParam": 1.0}, (100, 100, 100)),
    ("LogisticRegression", {"thresholds": [0.9, 0.0, 0.4]}, (100, 0, 100, 100)),
    ("LogisticRegression", {"threshold": 0.3}, (150, 0, 150)),
    ("LinearSVC", {"maxIter": 5}, (150, 150)),
    ("LinearSVC", {"maxIter": 5, "threshold": 0.4}, (0, 150, 150)),
    ("LinearRegression", {"regParam": 0.1, "elasticNetParam": 0.5}, ()),
    ("LinearRegression", {"loss": "huber", "maxIter": 5}, ()),
]


@pytest.mark.parametrize(("name", "params", "counts"), CASES)
def test_predictions_are_those_of_spark(
    spark: SparkSession, tmp_path: Path, name: str, params: dict[str, Any], counts: tuple[int, ...]
) -> None:
    model, predictions, decided = fitted(spark, tmp_path, name, params, counts)
    model = as_a_worker_rebuilds(model)
    (batch,) = rows().combine_chunks().to_batches()
    found = model.predict_batch(batch)
    np.testing.assert_allclose(found, predictions, rtol=1e-9, atol=1e-12)
    expected = predictions if decided is None else decided.astype(int)
    np.testing.assert_allclose(model.predict(rows()), expected, rtol=1e-9)
    if model.output == "probability":
        np.testing.assert_allclose(model.predict_proba(rows()).sum(axis=1), 1)


def test_a_model_of_other_features_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    model, _, _ = fitted(spark, tmp_path, "LinearSVC", {"maxIter": 1}, (150, 150))
    assert isinstance(model, MllibModel)
    small = LinearModel(model.fitted.coefficients[:, 1:], model.fitted.intercepts, "margin")
    with pytest.raises(StorageError, match="does not fit its features"):
        MllibModel.of(model, small)


def test_factorization_machines_take_rows_with_zeros_and_are_left_to_spark(
    spark: SparkSession, tmp_path: Path
) -> None:
    model, _, _ = fitted(spark, tmp_path, "FMRegressor", {"maxIter": 2}, ())
    assert isinstance(model, SparkModel)
