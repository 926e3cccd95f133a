"""Tasks that fail, and are tried again: the very same model."""

import subprocess
import sys
from pathlib import Path

import pytest

from petafit.config.settings import Settings
from petafit.workflow.train import train
from tests.small import with_settings

SCRIPT = Path(__file__).with_name("fails_first.py")


@pytest.mark.cluster
@pytest.mark.parametrize("checkpoint_seconds", [60.0, 1e-9], ids=["anew", "from a checkpoint"])
def test_every_task_may_fail_once(
    settings: Settings, tmp_path: Path, checkpoint_seconds: float
) -> None:
    training = {"rounds": 1, "parts": 2, "newton": 1, "checkpoint_seconds": checkpoint_seconds}
    settings = with_settings(settings, training=training)
    undisturbed = train(settings).manifest["model"]["digest"]
    failing = with_settings(
        settings,
        engine="spark",
        spark={"master": "local[2,3]", "submit": {"spark.ui.enabled": False}},
        paths={"models": str(tmp_path / "others")},
    )
    path, failures = tmp_path / "settings.json", tmp_path / "failures"
    path.write_text(failing.model_dump_json())
    failures.mkdir()
    done = subprocess.run(
        [sys.executable, SCRIPT, path, failures], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list(failures.iterdir())) >= 3 * 2, "three shards, in a part and a Newton round"
    assert done.stdout.split()[-1] == undisturbed
