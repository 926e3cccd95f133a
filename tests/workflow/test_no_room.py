"""Executors that no worker of a cluster has room for: Spark would wait for them for ever."""

import subprocess
import sys
from pathlib import Path

import pytest

from petafit.config.settings import Settings
from tests.cluster import standalone
from tests.small import with_settings

SCRIPT = Path(__file__).with_name("waiting.py")

pytestmark = pytest.mark.cluster


def run(settings: Settings, folder: Path, **asked: object) -> "subprocess.CompletedProcess[str]":
    submit = {"spark.ui.enabled": False, **asked}
    path = folder / "settings.json"
    path.write_text(with_settings(settings, spark={"submit": submit}).model_dump_json())
    command = [sys.executable, SCRIPT, path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_executors_larger_than_every_worker_are_refused(settings: Settings, tmp_path: Path) -> None:
    with standalone(tmp_path, workers=2, cores=1) as master:
        settings = with_settings(settings, engine="spark", spark={"master": master})
        for asked, size in (
            ({"spark.executor.cores": 2}, "2 cores and 1,024 MiB"),
            ({"spark.executor.memory": "3g"}, "1 core and 3,072 MiB"),
            ({"spark.task.cpus": 2}, "2 cores and 1,024 MiB"),
        ):
            done = run(settings, tmp_path, **asked)
            assert done.returncode == 2
            (found,) = done.stderr.splitlines()
            assert found.startswith(f"No worker of {master} is large enough for one executor")
            assert f"expected a worker of {size}; got 2 of 1 core and 1,024 MiB. Lower" in found
        manifests = list(Path(settings.paths.runs).glob("*/manifest.json"))
        assert len(manifests) == 3
        assert not list(Path(settings.paths.runs).glob("*/passes")), "no work began"


def test_a_cluster_that_has_no_worker_yet_is_waited_for(settings: Settings, tmp_path: Path) -> None:
    with standalone(tmp_path, workers=0) as master:
        settings = with_settings(settings, engine="spark", spark={"master": master})
        done = run(settings, tmp_path, **{"spark.executor.memory": "3g"})
    assert done.returncode == 0
    assert "no executor has come yet: each is to have" in done.stderr
    assert "and 3g of memory" in done.stderr
