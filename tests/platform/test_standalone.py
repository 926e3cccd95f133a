"""A standalone cluster whose workers have nothing installed: the archive comes with the job."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from petafit.config.settings import Settings
from petafit.workflow.package import Package
from petafit.workflow.train import train
from tests.cluster import standalone

MAIN = "from petafit.cli import main; main()"

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("archive"),  # which is built once
]


def run(job: str, folder: Path, *options: str) -> dict[str, object]:
    """The manifest of a job that runs as a command in a folder with settings."""
    command = [sys.executable, "-c", MAIN, job, "--task", "small", "--env", "cluster"]
    done = subprocess.run(
        [*command, "--json", *options],
        cwd=folder,
        env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def write_settings(folder: Path, settings: Settings, environment: dict[str, object]) -> None:
    task = settings.model_dump(
        mode="json", exclude={"task", "environment", "engine", "spark"}, exclude_defaults=True
    )
    (folder / "conf/tasks").mkdir(parents=True)
    (folder / "conf/tasks/small.yaml").write_text(yaml.safe_dump(task))
    (folder / "conf/cluster.yaml").write_text(yaml.safe_dump(environment))


@pytest.mark.parametrize("stream", ["direct", "scan"])
def test_bare_workers_train_the_same_model_and_compile_nothing(
    settings: Settings, archive: Package, bare_python: Path, tmp_path: Path, stream: str
) -> None:
    local = train(settings).manifest["model"]["digest"]
    with standalone(tmp_path, workers=2, python=bare_python) as master:
        submit = {
            "spark.archives": f"{archive.path}#environment",
            "spark.pyspark.python": "./environment/bin/python",
            "spark.executorEnv.XDG_CACHE_HOME": str(tmp_path / "cache"),
            "spark.ui.enabled": False,
        }
        write_settings(tmp_path, settings, {"spark": {"master": master, "submit": submit}})
        options = ("--set", f"stream={stream}", "--set", f"paths.models={tmp_path / stream}")
        trained = run("train", tmp_path, *options)
        evaluated = run("evaluate", tmp_path, *options)
    assert trained["compiled_kernels"]["worker"] == 0
    assert evaluated["compiled_kernels"]["worker"] == 0
    if stream == "direct":
        assert trained["model"]["digest"] == local
    assert not (tmp_path / "cache").exists()
