"""All jobs on a real Spark Connect server: the models, metrics and predictions of other engines."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from tests.platform import connect_jobs
from tests.small import settings_in, table, with_settings

pytestmark = [
    pytest.mark.platform,
    pytest.mark.xdist_group("connect"),
    pytest.mark.timeout(600),
]

Manifests = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("connect-jobs"))


@pytest.fixture(scope="module")
def done(task: Settings, connect_url: str) -> Manifests:
    """The manifests of all jobs by name, as one process has run them."""
    folder = Path(task.paths.runs).parent
    (folder / "settings.json").write_text(task.model_dump_json(exclude={"spark", "engine"}))
    ended = subprocess.run(
        [sys.executable, "-m", connect_jobs.__name__, connect_url, str(folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "SQLQueryContextLogger" not in ended.stderr
    found = map(json.loads, ended.stdout.splitlines())
    return {each.pop("job_name"): each for each in found}


def test_models_have_the_bytes_of_the_local_engine(task: Settings, done: Manifests) -> None:
    local = petafit.train(task)
    for name in ("direct", "given"):
        assert done[name]["model"]["digest"] == local.manifest["model"]["digest"]
    measured = petafit.evaluate(task).manifest["metrics"]
    # As many shards as the engine has slots are measured: their sums are rounded otherwise.
    assert done["evaluate"]["metrics"]["log_loss"] == pytest.approx(measured["log_loss"], rel=1e-12)


def test_predictions_are_those_of_the_model(task: Settings, done: Manifests) -> None:
    for job, model in (("score", "direct"), ("score frame", "frame")):
        scored = DeltaTable(done[job]["outputs"][0]["path"]).to_pyarrow_table().sort_by("id")
        expected = petafit.load_model(f"{task.paths.models}/{model}").predict_proba(table())
        np.testing.assert_array_equal(scored["probability"].to_numpy(), expected[:, 1])


def test_the_scan_gives_the_same_rows(task: Settings, done: Manifests) -> None:
    """By a learner that is exact, whatever the shards."""
    petafit.train(with_settings(task, model="ridge", **connect_jobs.RIDGE))
    models = (petafit.load_model(f"{task.paths.models}/{name}") for name in ("ridge", "scan"))
    local, scanned = (model.predict(table()) for model in models)
    np.testing.assert_allclose(scanned, local, atol=1e-9)


def test_mllib_and_stages_of_spark_learn(task: Settings, done: Manifests) -> None:
    for name in ("linear", "tree", "stages", "frame"):
        metrics = done[f"evaluate {name}"]["metrics"]
        assert metrics["log_loss"] < metrics["base_log_loss"] - 0.05, name
    assert {stage["runs"] for stage in done["stages"]["stages"]} == {"spark"}


def test_a_recommender_learns(task: Settings, done: Manifests) -> None:
    """Speeds follow neither city nor month: their mean is all that can be learnt."""
    measured = done["evaluate recommender"]
    assert measured["metrics"]["unknown_rows"] == 0
    assert 12 < measured["metrics"]["root_mean_squared_error"] < 20
    model = petafit.load_model(f"{task.paths.models}/recommender")
    assert np.isfinite(model.predict(table())).all()


def test_transform_runs_the_stages_of_spark(task: Settings, done: Manifests) -> None:
    uri = done["score stages"]["outputs"][0]["path"]
    scored = DeltaTable(uri).to_pyarrow_table().sort_by("id")
    found = pq.read_table(Path(task.paths.runs).parent / "transformed.parquet")
    assert found.equals(scored.select(["id", "probability"]))


def test_prepare_writes_the_table(task: Settings, done: Manifests) -> None:
    made = DeltaTable(f"{task.table.uri}-made").to_pyarrow_table().sort_by("id")
    expected = ds.dataset(task.table.uri).to_table().sort_by("id")
    assert made.select(expected.column_names).equals(expected)
    assert done["wrong query"]["error"].startswith("Spark cannot read query SELECT nothing")


def test_the_memory_of_the_server_is_absent(done: Manifests) -> None:
    for name, manifest in done.items():
        if "error" not in manifest:
            assert manifest["peak_memory_bytes"].keys() == {"driver", "worker"}, name
            assert None not in manifest["peak_memory_bytes"].values(), name


def test_doctor_of_the_environment_needs_no_java(connect_url: str, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/connect.yaml").write_text(f"spark: {{remote: '{connect_url}'}}")
    program = "from petafit.cli import main; main()"
    looked = subprocess.run(
        [sys.executable, "-c", program, "doctor", "--env", "connect", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked.returncode == 0, looked.stderr
    names = {check["name"]: check["status"] for check in json.loads(looked.stdout)["checks"]}
    assert names["spark"] == "ok"
    assert "driver: java" not in names
    assert any(name.startswith("executor 0") for name in names)
