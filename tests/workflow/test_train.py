import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConflictError, ContractError
from petafit.models.store import ModelStore
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import rewrite, table, with_settings

SKLEARN = {"name": "sklearn.SGDClassifier", "params": {"loss": "log_loss", "alpha": 0.01}}


@pytest.mark.parametrize("learner", [{"name": "petafit.OnlineLinearClassifier"}, SKLEARN])
def test_a_trained_model_finds_the_signal(settings: Settings, learner: dict[str, object]) -> None:
    settings = with_settings(settings, learner=learner)
    trained = train(settings)
    metrics = evaluate(settings).manifest["metrics"]
    assert trained.manifest["status"] == "succeeded"
    assert trained.manifest["rows"] == {"in": 4500, "used": 4500, "quarantined": 0}
    assert metrics["auc"] > 0.8
    assert metrics["log_loss"] < 0.85 * metrics["base_log_loss"]


def test_the_loaded_model_gives_the_evaluated_numbers(settings: Settings) -> None:
    train(settings)
    metrics = evaluate(settings).manifest["metrics"]
    model = petafit.load_model(Path(settings.paths.models) / "small")
    held_out = table().to_pandas().query("month >= 10")
    probabilities = model.predict_proba(held_out)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert log_loss(held_out["late"], probabilities) == pytest.approx(metrics["log_loss"])
    auc = roc_auc_score(held_out["late"], probabilities[:, 1])
    assert auc == pytest.approx(metrics["auc"], abs=metrics["auc_error"] + 1e-12)
    assert (model.predict(held_out) == held_out["late"]).mean() == metrics["accuracy"]


def test_the_same_settings_give_the_same_bytes(settings: Settings, tmp_path: Path) -> None:
    first, second = train(settings).manifest["model"], train(settings).manifest["model"]
    assert first["digest"] == second["digest"]
    assert (first["version"], second["version"]) == (1, 2)


@pytest.mark.spark
def test_both_engines_give_the_same_bytes(settings: Settings, spark: object) -> None:
    local = train(settings).manifest["model"]
    on_spark = train(with_settings(settings, engine="spark"), spark=spark)  # type: ignore[arg-type]
    assert on_spark.manifest["model"]["digest"] == local["digest"]
    assert set(on_spark.manifest["peak_memory_bytes"]) == {"driver", "worker", "jvm"}


def test_a_finished_run_is_not_run_again(settings: Settings) -> None:
    train(settings, run_id="once")
    train(settings, run_id="once")
    assert [v.version for v in ModelStore(settings.paths.models).list()] == [1]


def test_a_run_id_belongs_to_its_settings(settings: Settings) -> None:
    train(settings, run_id="once")
    with pytest.raises(ConflictError, match="used for other work"):
        train(with_settings(settings, hash_bits=13), run_id="once")


def test_a_killed_run_resumes_to_the_same_model(settings: Settings, tmp_path: Path) -> None:
    settings = with_settings(settings, training={"rounds": 8})
    undisturbed = train(settings).manifest["model"]["digest"]
    path = tmp_path / "settings.json"
    path.write_text(settings.model_dump_json())
    code = (
        "import sys, petafit; from petafit.config.settings import Settings; "
        "petafit.train(Settings.model_validate_json(open(sys.argv[1]).read()), run_id='killed')"
    )
    run = tmp_path / "runs" / "killed"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)])
    while not (run / "rounds" / "round-002-01.npz").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert json.loads((run / "manifest.json").read_text())["status"] == "running"
    resumed = train(settings, run_id="killed")
    assert resumed.manifest["model"]["digest"] == undisturbed


def test_a_finished_run_removes_its_intermediate_files(settings: Settings) -> None:
    run = train(settings)
    assert set(run.folder.files()) == {"manifest.json", "plans/train.arrow"}


def test_validation_rows_stop_the_training(settings: Settings) -> None:
    settings = with_settings(
        settings,
        split={"train": ("month <= 8",), "validation": ("month == 9",)},
        features=[{"categorical": ["city", "id"]}],  # what is learnt of an id helps no other row
        hash_bits=16,
        training={"rounds": 20},
    )
    metrics = train(settings).manifest["metrics"]
    assert metrics["validation_log_loss"] < metrics["base_log_loss"]
    assert 1 < metrics["rounds"] < 20


def test_a_share_of_the_keys_is_held_out(settings: Settings) -> None:
    settings = with_settings(settings, split={"train": (), "test": (), "test_share": 0.25})
    trained, tested = train(settings), evaluate(settings)
    rows = [run.manifest["rows"]["used"] for run in (trained, tested)]
    assert sum(rows) == 6000
    assert rows[1] == pytest.approx(1500, abs=150)


def test_five_lines_are_a_task(settings: Settings) -> None:
    settings = with_settings(settings, features="auto", keys=("id", "month"))
    train(settings)
    assert evaluate(settings).manifest["metrics"]["auc"] > 0.8


def test_unseen_categories_are_predicted(settings: Settings) -> None:
    train(settings)
    model = petafit.load_model(f"{settings.paths.models}/small@1")
    unseen = table(10).to_pandas().assign(city="nowhere")
    assert np.isfinite(model.predict_proba(unseen)).all()


def test_rows_of_one_batch_are_enough(settings: Settings) -> None:
    pq.write_table(table(), Path(settings.table.uri) / "month-01.parquet")
    for month in range(2, 13):
        (Path(settings.table.uri) / f"month-{month:02d}.parquet").unlink()
    settings = with_settings(
        settings, learner=SKLEARN, training={"shards": 1, "batch_rows": 10_000, "rounds": 1}
    )
    assert set(train(settings).manifest["metrics"]) == {"rounds", "rows_per_second"}
    assert evaluate(settings).manifest["metrics"]["auc"] > 0.7


def test_margins_stop_the_training_too(settings: Settings) -> None:
    split = {"train": ("month <= 8",), "validation": ("month == 9",)}
    hinge = {"name": "sklearn.SGDClassifier", "params": {"loss": "hinge", "alpha": 0.01}}
    settings = with_settings(settings, split=split, learner=hinge, training={"rounds": 30})
    metrics = train(settings).manifest["metrics"]
    assert metrics["validation_log_loss"] is None
    assert metrics["validation_accuracy"] > 0.6
    assert metrics["rounds"] < 30


def test_validation_rows_are_not_trained_on(settings: Settings) -> None:
    split = {"train": (), "test": (), "test_share": 0.25, "validation": ("month == 9",)}
    rows = train(with_settings(settings, split=split)).manifest["rows"]
    assert rows["in"] == pytest.approx(0.75 * 5500, abs=150)


def test_a_shard_without_one_class_is_fine(settings: Settings) -> None:
    content = table().sort_by("late")
    rewrite(settings, content.set_column(1, "month", table()["month"]))
    learner = {"name": "sklearn.SGDClassifier", "params": {"loss": "log_loss"}}
    settings = with_settings(settings, learner=learner, training={"shards": 9, "rounds": 1})
    assert train(settings).manifest["status"] == "succeeded"


@pytest.fixture
def unprofiled(settings: Settings) -> Settings:
    """A task whose features need no statistics."""
    return with_settings(
        settings,
        label={"column": "late", "classes": [False, True]},
        features=[
            {"numeric": "speed", "log1p": True, "scale": "none", "impute": "none"},
            {"categorical": "city"},
        ],
    )


def test_a_task_that_needs_no_statistics_is_trained_without_a_profile(unprofiled: Settings) -> None:
    trained = train(unprofiled).manifest
    assert set(trained["timings"]) == {
        "compile", "step size", "fit", "round 1", "round 2", "publish",
    }  # fmt: skip
    assert trained["rows"] == {"in": 4500, "used": 4500, "quarantined": 0}
    assert evaluate(unprofiled).manifest["metrics"]["auc"] > 0.7


def test_too_many_bad_rows_are_refused_without_a_profile_too(unprofiled: Settings) -> None:
    strict = with_settings(unprofiled, contract={"columns": {"speed": {"max": 110}}})
    with pytest.raises(ContractError, match=r"of 4,500 rows break the contract.*above 110"):
        train(strict)
    assert not ModelStore(strict.paths.models).list()
