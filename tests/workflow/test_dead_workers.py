"""Workers that die in the middle of a job, as where the system kills what takes too much memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from petafit.config.settings import Settings
from petafit.workflow.train import train
from tests.cluster import standalone
from tests.small import with_settings

SCRIPT = Path(__file__).with_name("dying_workers.py")


def run(settings: Settings, folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    path = folder / "settings.json"
    path.write_text(settings.model_dump_json())
    return subprocess.run(
        [sys.executable, SCRIPT, path, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.cluster
def test_local_mode_survives_a_dead_worker_and_a_run_that_died_of_them_resumes(
    settings: Settings, tmp_path: Path
) -> None:
    undisturbed = train(settings).manifest["model"]["digest"]
    on_spark = with_settings(
        settings,
        engine="spark",
        spark={"master": "local[2]", "submit": {"spark.ui.enabled": False}},
        paths={"models": str(tmp_path / "others")},
    )
    died = run(on_spark, tmp_path, "run-1", 9)
    assert died.returncode == 1
    assert len(died.stderr.splitlines()) < 10, died.stderr
    assert "A Python worker died; got 4 failed attempts at shard 1" in died.stderr
    assert "The same run id resumes the run" in died.stderr
    for run_id, deaths in (("run-1", 0), ("run-2", 1)):
        done = run(on_spark, tmp_path, run_id, deaths)
        assert done.stdout.split()[-1] == undisturbed, done.stderr
        assert ("ran again" in done.stderr) == bool(deaths)


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({"spark.executor.cores": 2}, "each is to have 2 cores"),
        ({"spark.executor.memory": "3g"}, "and 3g of memory"),
    ],
    ids=["cores", "memory"],
)
def test_executors_larger_than_any_worker_are_reported(
    settings: Settings, tmp_path: Path, asked: dict[str, object], reported: str
) -> None:
    with standalone(tmp_path, cores=1) as master:
        submit = {"spark.ui.enabled": False, **asked}
        waiting = with_settings(
            settings, engine="spark", spark={"master": master, "submit": submit}
        )
        done = run(waiting, tmp_path, "run-1", 0, "stop when it waits")
    assert "no executor has come yet: each is to have" in done.stderr
    assert reported in done.stderr
