"""Workers that die in the middle of a job, as where the system kills what takes too much memory."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import settings_in, table, with_settings

pytestmark = pytest.mark.cluster

SCRIPT = Path(__file__).with_name("dying_workers.py")

MLLIB = ["learner={name: mllib.LogisticRegression, params: {maxIter: 3}}", "hash_bits=8"]

Jobs = dict[str, tuple[str, int, list[str]]]

OWN: Jobs = {
    "train-direct": ("train", 2, ["model=direct"]),
    "train-scan": ("train", 4, ["model=scan", "stream=scan"]),
    "evaluate-direct": ("evaluate", 1, ["model=direct"]),
    "evaluate-scan": ("evaluate", 2, ["model=direct", "stream=scan"]),
    "score-direct": ("score", 1, ["model=direct"]),
}
"""By run id: the job, its stage that loses its workers, and what else is set.

Stages before it check files, or make the profile: they are whole, and are not run again.
"""

OF_MLLIB: Jobs = {
    "train-mllib": ("train", 3, ["model=mllib", *MLLIB]),
    "evaluate-mllib": ("evaluate", 1, ["model=mllib"]),
    "score-mllib": ("score", 1, ["model=mllib"]),
}

ALL, FIRST, NONE = 9, 1, 0
"""In how many attempts of its task a worker dies."""

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \S+ (?:INFO|WARNING) |netlib-")
"""The second kind is a library's that MLlib loads: it lacks a faster one."""


class Ended:
    """What became of every command, in the order in which they ran on one session."""

    def __init__(self, settings: Settings, stderr: str) -> None:
        self.settings = settings
        self.steps: dict[str, list[tuple[int, list[str]]]] = {}
        lines: list[str] = []
        for line in stderr.splitlines():
            end = re.fullmatch(r"(\S+) exit (\d+)", line)
            if end:
                self.steps.setdefault(end[1], []).append((int(end[2]), lines))
                lines = []
            else:
                lines.append(line)

    def manifest(self, run_id: str) -> dict[str, Any]:
        path = Path(self.settings.paths.runs, run_id, "manifest.json")
        manifest: dict[str, Any] = json.loads(path.read_text())
        return manifest

    def metrics(self, run_id: str) -> dict[str, float]:
        metrics = self.manifest(run_id)["metrics"]
        return {name: value for name, value in metrics.items() if name != "rows_per_second"}


def run(folder: Path, steps: list[tuple[str, str, int, int, list[str]]]) -> Ended:
    """Run commands on one session: run id, job, stage, in how many attempts it dies, settings."""
    settings = with_settings(
        settings_in(folder),
        engine="spark",
        spark={"master": "local[2,2]", "submit": {"spark.ui.enabled": False}},
        score={"format": "parquet"},
        training={"rounds": 1},
    )
    (folder / "conf/tasks").mkdir(parents=True)
    for name in ("base", "local"):
        (folder / f"conf/{name}.yaml").write_text("{}")
    task = settings.model_dump(mode="json", exclude={"task", "environment"})
    (folder / "conf/tasks/small.yaml").write_text(json.dumps(task))
    given = [
        (*step[:4], [each for change in step[4] for each in ("--set", change)]) for step in steps
    ]
    done = subprocess.run(
        [sys.executable, SCRIPT, folder / "conf", json.dumps(given)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Ended(settings, done.stderr)


def twice(jobs: Jobs) -> list[tuple[str, str, int, int, list[str]]]:
    """Every job whose workers die in all attempts, and again by the same id."""
    return [
        (run_id, job, stage, deaths, changes)
        for run_id, (job, stage, changes) in jobs.items()
        for deaths in (ALL, NONE)
    ]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What becomes of petafit's own learners."""
    other = ("other-scan", "train", 0, NONE, ["model=other-scan", "stream=scan"])
    survives = ("survives", "train", OWN["train-direct"][1], FIRST, ["model=survives"])
    return run(tmp_path_factory.mktemp("own"), [*twice(OWN), other, survives])


@pytest.fixture(scope="module")
def of_mllib(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What becomes of an estimator of MLlib's."""
    other = ("other", "train", 0, NONE, ["model=other", *MLLIB])
    measured = ("other-evaluated", "evaluate", 0, NONE, ["model=other"])
    return run(tmp_path_factory.mktemp("mllib"), [*twice(OF_MLLIB), other, measured])


def assert_resumed(ended: Ended, run_id: str, *, unit: str = "shard") -> None:
    (died, lines), (resumed, after) = ended.steps[run_id]
    assert died == 1
    told = lines[-1]
    assert told.startswith(f"petafit: A Python worker died; got 2 failed attempts at {unit} 1, ")
    assert "killed for its memory" in told
    assert told.endswith("The same run id resumes the run.")
    assert resumed == 0
    assert [line for line in (*lines[:-1], *after) if not LOG_LINE.match(line)] == []
    assert ended.manifest(run_id)["status"] == "succeeded"


@pytest.mark.parametrize("run_id", OWN)
def test_a_job_ends_in_one_sentence_and_resumes(own: Ended, run_id: str) -> None:
    assert_resumed(own, run_id)


@pytest.mark.parametrize("run_id", OF_MLLIB)
def test_a_job_of_mllib_ends_in_one_sentence_and_resumes(of_mllib: Ended, run_id: str) -> None:
    assert_resumed(of_mllib, run_id, unit="task" if run_id == "train-mllib" else "shard")


def test_a_resumed_training_gives_what_an_undisturbed_one_gives(own: Ended) -> None:
    local = with_settings(own.settings, engine="local", model="local")
    digest = train(local).manifest["model"]["digest"]
    assert own.manifest("train-direct")["model"]["digest"] == digest
    assert own.manifest("survives")["model"]["digest"] == digest
    models = (petafit.load_model(f"{local.paths.models}/{name}") for name in ("scan", "other-scan"))
    found, expected = (model.predict_proba(table()) for model in models)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_dead_worker_that_is_replaced_is_reported(own: Ended) -> None:
    ((code, lines),) = own.steps["survives"]
    assert code == 0
    assert any("1 of 3 tasks failed, or lost their worker, and ran again" in line for line in lines)
    assert [line for line in lines if not LOG_LINE.match(line)] == []


def test_a_resumed_evaluation_measures_every_row_once(own: Ended) -> None:
    expected = evaluate(with_settings(own.settings, engine="local", model="direct")).manifest
    for run_id in ("evaluate-direct", "evaluate-scan"):
        assert own.manifest(run_id)["rows"] == expected["rows"]
        measured = {name: expected["metrics"][name] for name in own.metrics(run_id)}
        assert own.metrics(run_id) == pytest.approx(measured)


def test_a_resumed_scoring_writes_every_row_once(own: Ended) -> None:
    (output,) = own.manifest("score-direct")["outputs"]
    scored = pq.read_table(output["path"]).sort_by("id")
    assert scored["id"].to_pylist() == table()["id"].to_pylist()
    model = petafit.load_model(f"{own.settings.paths.models}/direct")
    np.testing.assert_allclose(scored["probability"], model.predict_proba(table())[:, 1], rtol=1e-6)


def test_what_mllib_gives_after_all_is_what_an_undisturbed_run_gives(of_mllib: Ended) -> None:
    found, expected = map(of_mllib.metrics, ("evaluate-mllib", "other-evaluated"))
    assert found == pytest.approx(expected, abs=1e-6)
    (output,) = of_mllib.manifest("score-mllib")["outputs"]
    scored = pq.read_table(output["path"]).sort_by("id")
    assert scored["id"].to_pylist() == table()["id"].to_pylist()
    tested = table()["month"].to_numpy() >= 10
    late, probability = np.array(table()["late"])[tested], scored["probability"].to_numpy()[tested]
    losses = -np.log(np.where(late, probability, 1 - probability))
    assert losses.mean() == pytest.approx(found["log_loss"])
