"""`explain` computes a model's features by the stages that were fitted when it was trained."""

import json
from pathlib import Path
from typing import Any

import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.features.spark import pipeline
from tests.days import days_in
from tests.small import with_settings

pytestmark = pytest.mark.spark

HASHED = {"FeatureHasher": {"inputCols": ["ad"], "outputCol": "hashed", "numFeatures": 4096}}
POLYNOMIAL: list[Any] = [
    {"VectorAssembler": {"inputCols": ["value"], "outputCol": "v"}},
    {"PolynomialExpansion": {"inputCol": "v", "outputCol": "powers", "degree": 2}},
]


def changes(settings: Settings, spark: Any) -> dict[str, float]:
    run = petafit.explain(settings, spark=spark)
    partitions = json.loads(run.folder.read("influence.json"))["partitions"]
    return {each["partition"]: each["change"] for each in partitions}


def test_the_influence_is_that_with_the_equal_own_feature(
    tmp_path: Path, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = with_settings(
        days_in(tmp_path), engine="spark", hash_bits=12, features=[{"categorical": "ad"}]
    )
    petafit.train(own, spark=spark)
    expected = changes(own, spark)
    staged = with_settings(own, features=[{"stages": [HASHED]}], model="staged")
    petafit.train(staged, spark=spark)
    monkeypatch.setattr(pipeline, "fit_stages", pytest.fail)
    assert changes(staged, spark) == pytest.approx(expected, abs=1e-9)
    local = with_settings(staged, engine="local")
    assert changes(local, None) == pytest.approx(expected, abs=1e-9)


def test_stages_that_spark_runs_are_refused_before_anything_is_fitted(
    tmp_path: Path, spark: Any
) -> None:
    """Its scan deals rows as it likes: no shard is a partition."""
    staged = with_settings(days_in(tmp_path), engine="spark", features=[{"stages": POLYNOMIAL}])
    with pytest.raises(ConfigurationError, match=r"keep_summaries.*a shard for each partition"):
        petafit.train(staged, spark=spark)
    assert not (Path(staged.paths.models) / staged.model_name).exists()
