"""Stages of Spark ML as features: the numbers of petafit's own, one fit a run, refusals."""

import importlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, StorageError
from petafit.features.spark import pipeline
from petafit.features.spark.fitted import open_stages
from petafit.models.model import model_from_named
from petafit.models.store import ModelStore
from tests.small import rewrite, with_settings

training = importlib.import_module("petafit.workflow.train")  # `petafit.train` is the function
pytestmark = pytest.mark.spark

FILLED = {"Imputer": {"inputCols": ["speed"], "outputCols": ["filled"]}}
HASHED = {
    "FeatureHasher": {
        "inputCols": ["city", "weekend"],
        "outputCol": "hashed",
        "numFeatures": 4096,
    }
}
OWN = [{"numeric": "speed", "scale": "none"}, {"categorical": "city"}, {"boolean": "weekend"}]
MIXED = [
    FILLED,
    {"SQLTransformer": {"statement": "SELECT *, filled / 100 - 1 AS relative FROM __THIS__"}},
    {"VectorAssembler": {"inputCols": ["relative"], "outputCol": "v"}},
    {"PolynomialExpansion": {"inputCol": "v", "outputCol": "powers", "degree": 2}},
    HASHED,
]
"""Spark runs all but the last."""


@pytest.fixture
def on_spark(settings: Settings) -> Settings:
    once = {"shards": 1, "rounds": 1, "batch_rows": 1000}
    return with_settings(settings, engine="spark", training=once)


def staged(settings: Settings, stages: Sequence[Any], *others: Any, **changes: Any) -> Settings:
    return with_settings(settings, features=[{"stages": stages}, *others], **changes)


def metrics(run: Any) -> dict[str, float]:
    return {k: v for k, v in run.manifest["metrics"].items() if "rows_per_second" not in k}


def runs(run: Any) -> list[str]:
    return [stage["runs"] for stage in run.manifest["stages"]]


def test_stages_equal_own_features_and_need_no_jvm_to_serve(
    on_spark: Settings, spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = with_settings(on_spark, features=OWN, model="own")
    task = staged(on_spark, [FILLED, HASHED])
    for stream in ("scan", "direct"):
        expected = metrics(petafit.train(with_settings(own, stream=stream), spark=spark))
        with caplog.at_level(logging.INFO, "petafit"):
            run = petafit.train(with_settings(task, stream=stream), spark=spark)
        assert metrics(run) == pytest.approx(expected, abs=1e-6)
        assert runs(run) == ["petafit", "petafit"]
        assert "stages Imputer=petafit, FeatureHasher=petafit" in caplog.text
    expected = metrics(petafit.evaluate(with_settings(own, engine="local")))
    local = with_settings(task, engine="local")
    assert metrics(petafit.evaluate(local)) == pytest.approx(expected, abs=1e-6)
    predicted = petafit.load_model(f"{task.paths.models}/small").predict_proba(rows_of(task))
    np.testing.assert_allclose(predicted[:, 1], scores(petafit.score(local)), atol=1e-9)


def test_stages_of_spark_serve_through_its_scan(on_spark: Settings, spark: Any) -> None:
    """A vector's slots, a column that another group scales, and one made by SQL."""
    task = staged(on_spark, MIXED, {"numeric": "filled"})
    run = petafit.train(task, spark=spark)
    assert runs(run) == ["spark", "spark", "spark", "spark", "petafit"]
    assert metrics(petafit.evaluate(task, spark=spark))["auc"] > 0.8
    scored = scores(petafit.score(task, spark=spark))
    model = petafit.load_model(f"{task.paths.models}/small")
    np.testing.assert_allclose(model.predict_proba(rows_of(task))[:, 1], scored, atol=1e-9)
    powers, hashed = model.encoder.features[1:3]
    assert [powers.size, hashed.size] == [2, 4096]
    with pytest.raises(ConfigurationError, match=r"Spark runs stages .*SQLTransformer"):
        petafit.evaluate(with_settings(task, engine="local"))
    with pytest.raises(ConfigurationError, match="its scan has to read the rows"):
        petafit.train(with_settings(task, stream="direct"), spark=spark)


def test_equal_trainings_give_equal_digests(on_spark: Settings, spark: Any) -> None:
    """Spark's own files hold times and random ids; other stages give other digests."""
    task = staged(on_spark, MIXED, {"numeric": "filled"})
    digests = [petafit.train(task, spark=spark).manifest["model"]["digest"] for _ in range(2)]
    assert digests[0] == digests[1]
    other = [*MIXED[:3], {"PolynomialExpansion": {**MIXED[3]["PolynomialExpansion"]}}, HASHED]
    other[1] = {"SQLTransformer": {"statement": "SELECT *, filled / 50 AS relative FROM __THIS__"}}
    changed = petafit.train(staged(on_spark, other, {"numeric": "filled"}), spark=spark)
    assert changed.manifest["model"]["digest"] != digests[0]


def test_mllib_learns_from_stages(on_spark: Settings, spark: Any) -> None:
    """Vectors behind the hashed indices, and vectors alone."""
    learner = {"name": "mllib.LogisticRegression", "params": {"regParam": 0.001}}
    for others in ([{"categorical": "city"}], []):
        task = staged(on_spark, MIXED, *others, learner=learner, hash_bits=8)
        run = petafit.train(task, spark=spark)
        assert set(runs(run)) == {"spark"}
        assert metrics(petafit.evaluate(task, spark=spark))["auc"] > 0.8


def test_stages_are_fitted_to_the_training_rows_only(on_spark: Settings, spark: Any) -> None:
    """Neither to rows of test and validation, nor to rows of weight 0, nor to bad ones."""
    rows = pq.read_table(on_spark.table.uri)
    month = rows["month"].to_numpy()
    weight = np.where(np.arange(6000) % 3 == 0, 0.0, 1.0)
    rows = rows.append_column("weight", pa.array(weight))
    rewrite(on_spark, rows)
    task = staged(
        on_spark,
        [{"Imputer": {"inputCols": ["speed"], "outputCols": ["filled"]}}],
        weight="weight",
        split={"train": "month <= 9", "validation": "month == 9", "test": "month >= 10"},
        contract={"max_bad_share": 1, "columns": {"speed": {"max": 120}}},
    )
    petafit.train(task, spark=spark)
    (fill,) = petafit.load_model(f"{task.paths.models}/small").stages.own
    speed = rows["speed"].to_numpy()
    wanted = (month < 9) & (weight > 0) & (speed <= 120)
    assert fill.surrogates == pytest.approx((speed[wanted].mean(),), abs=1e-9)


def test_a_resumed_run_does_not_fit_again(
    on_spark: Settings, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = staged(on_spark, MIXED)
    fit = training.fit_in_rounds
    monkeypatch.setattr(training, "fit_in_rounds", fails)
    with pytest.raises(RuntimeError, match="killed"):
        petafit.train(task, spark=spark, run_id="one")
    kept = Path(task.paths.runs) / "one" / "stages"
    before = {path: path.read_bytes() for path in kept.rglob("part-*")}
    monkeypatch.setattr(training, "fit_in_rounds", fit)
    monkeypatch.setattr(pipeline, "fit_stages", fails)
    run = petafit.train(task, spark=spark, run_id="one")
    assert runs(run)[-1] == "petafit"
    objects = Path(task.paths.models) / "small" / "objects"
    published = {path.read_bytes() for path in objects.glob("*/stages/**/part-*")}
    assert published == set(before.values())


def test_stages_that_were_changed_are_refused(on_spark: Settings, spark: Any) -> None:
    task = staged(on_spark, MIXED)
    petafit.train(task, spark=spark)
    objects = Path(task.paths.models) / "small" / "objects"
    (sql,) = (p for p in objects.glob("*/stages/stages/*SQL*/metadata/part-*") if p.is_file())
    text = sql.read_text()
    sql.write_text(text.replace("- 1", "- 2"))
    with pytest.raises(StorageError, match="differs from what was published"):
        petafit.evaluate(task, spark=spark)
    sql.write_text(text)
    version = ModelStore(task.paths.models).find("small", None)
    record = model_from_named(ModelStore(task.paths.models).load(version)).stages
    with pytest.raises(StorageError, match="not those of the model; expected ImputerModel"):
        open_stages(version.require_stages(), replace(record, stages=record.stages[:2]), allowed=())
    sql.unlink()
    with pytest.raises(StorageError, match="does not hold what its manifest lists"):
        petafit.evaluate(task, spark=spark)


def test_a_foreign_stage_that_the_environment_allows(on_spark: Settings, spark: Any) -> None:
    name = "tests.workflow.foreign_stage.Halved"
    stages = [
        {name: {"source": "speed", "outputCol": "half"}},
        {"Imputer": {"inputCols": ["half"], "outputCols": ["filled"]}},
    ]
    task = staged(on_spark, stages, {"categorical": "city"})
    with pytest.raises(ConfigurationError, match=f"{name} is not allowed"):
        petafit.train(task, spark=spark)
    task = with_settings(task, spark={"stages": [name]})
    assert runs(petafit.train(task, spark=spark)) == ["spark", "spark"]
    assert metrics(petafit.evaluate(task, spark=spark))["auc"] > 0.75
    with pytest.raises(StorageError, match=r"Halved.*`petafit score` has it"):
        petafit.load_model(f"{task.paths.models}/small").predict(rows_of(task))


WRONG: dict[str, tuple[list[Any], str]] = {
    "unknown": ([{"Imputr": {}}], r"no stage 'Imputr'. Did you mean 'Imputer'"),
    "outside the allow-list": ([{"my.package.Stage": {}}], "my.package.Stage is not allowed"),
    "parameter": ([{"Imputer": {"inputCol": "speed", "outputCl": "f"}}], "does not take these"),
    "no output": ([{"Imputer": {"inputCol": "speed"}}], "does not name its output"),
    "no column": (
        [{"Imputer": {"inputCol": "sped", "outputCol": "f"}}],
        "sped', which is nei",
    ),
    "label": (
        [{"StringIndexer": {"inputCol": "late", "outputCol": "f"}}],
        "the label 'late'",
    ),
    "fails": (
        [
            {"VectorAssembler": {"inputCols": ["speed"], "outputCol": "v"}},
            {"PCA": {"inputCol": "v", "outputCol": "p", "k": 5}},
        ],
        r"cannot fit the stages VectorAssembler, PCA; got ",
    ),
    "drops rows": (
        [{"StringIndexer": {"inputCol": "city", "outputCol": "i", "handleInvalid": "skip"}}],
        "would drop rows",
    ),
    "other rows": (
        [{"SQLTransformer": {"statement": "SELECT *, max(speed) OVER () AS m FROM __THIS__"}}],
        "one row for each row.*; got OVER",
    ),
    "an array": ([{"Tokenizer": {"inputCol": "city", "outputCol": "w"}}], "'w' of `stages` cannot"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_stages_are_refused(case: str, on_spark: Settings, spark: Any) -> None:
    stages, message = WRONG[case]
    with pytest.raises(ConfigurationError, match=message):
        petafit.train(staged(on_spark, stages), spark=spark)
    assert not (Path(on_spark.paths.models) / "small").exists()


def test_a_row_on_which_a_stage_fails_breaks_the_contract(on_spark: Settings, spark: Any) -> None:
    unseen = [{"StringIndexer": {"inputCol": "city", "outputCol": "i"}}]
    cities = pq.read_table(on_spark.table.uri).to_pandas()
    cities.loc[cities["month"] == 12, "city"] = "elsewhere"
    rewrite(on_spark, pa.Table.from_pandas(cities, preserve_index=False))
    task = staged(on_spark, unseen)
    petafit.train(task, spark=spark)
    with pytest.raises(ContractError, match="StringIndexer cannot take a null or a value that no"):
        petafit.evaluate(task, spark=spark)


def test_so_does_a_row_on_which_a_stage_of_spark_fails(on_spark: Settings, spark: Any) -> None:
    stages = [
        {"StringIndexer": {"inputCol": "city", "outputCol": "i"}},
        {"VectorAssembler": {"inputCols": ["i"], "outputCol": "v"}},
        {"PolynomialExpansion": {"inputCol": "v", "outputCol": "powers", "degree": 2}},
    ]
    cities = pq.read_table(on_spark.table.uri).to_pandas()
    cities.loc[cities["month"] == 12, "city"] = "elsewhere"
    rewrite(on_spark, pa.Table.from_pandas(cities, preserve_index=False))
    task = staged(on_spark, stages)
    assert set(runs(petafit.train(task, spark=spark))) == {"spark"}
    with pytest.raises(ContractError, match=r"cannot take a row; got Unseen label: elsewhere.*han"):
        petafit.evaluate(task, spark=spark)


def fails(*_: Any, **__: Any) -> None:
    raise RuntimeError("killed")


def rows_of(task: Settings) -> pa.Table:
    return pq.read_table(task.table.uri).sort_by("id")


def scores(run: Any) -> np.ndarray:
    found = DeltaTable(run.manifest["outputs"][0]["path"]).to_pyarrow_table().sort_by("id")
    return np.asarray(found["probability"].to_numpy())
