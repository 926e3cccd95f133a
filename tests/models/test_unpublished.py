"""Staged files in a model's folder: those of killed publishers are removed, others kept."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from petafit.models.store import ModelStore
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.store.runs import RunStore
from tests.store.running import begin

PUBLISH_SLOWLY = """
import sys, time
from pathlib import Path
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.models.store import ModelStore
from petafit.store.runs import RunStore
from tests.store.running import begin
top = Path(sys.argv[1])
def attach(uri):
    Folder(uri).write("stages/a", b"1")
    print("staged", flush=True)
    time.sleep(600)
with begin(RunStore(top / "runs"), "killed") as run:
    options = {"run_id": "killed", "settings_digest": "", "metrics": {}, "owner": run.folder.uri}
    ModelStore(top / "models").publish("flights", StateDict(), attachment=attach, **options)
"""


@pytest.fixture
def publisher(tmp_path: Path):
    """A process that has staged an attachment and is not done."""
    command = [sys.executable, "-c", PUBLISH_SLOWLY, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "staged\n"
        yield process
        process.kill()


def publish(tmp_path: Path) -> list[str]:
    """Publish as another run; the names that are left among the objects."""
    store = ModelStore(tmp_path / "models")
    with begin(RunStore(tmp_path / "runs"), "other") as run:
        store.publish(
            "flights",
            StateDict({"w": np.arange(3)}),
            run_id="other",
            settings_digest="",
            metrics={},
            attachment=lambda uri: Folder(uri).write("b", b"2"),
            owner=run.folder.uri,
        )
    return store.folder.child("flights", "objects").names()


def test_staged_files_of_a_killed_publisher_are_removed(tmp_path: Path, publisher) -> None:
    publisher.kill()
    publisher.wait()
    left = publish(tmp_path)
    assert [name for name in left if name.startswith("staging-")] == []
    assert ModelStore(tmp_path / "models").folder.child("flights", "publishing").names() == []


def test_staged_files_of_a_living_publisher_are_kept(tmp_path: Path, publisher) -> None:
    left = publish(tmp_path)
    assert len([name for name in left if name.startswith("staging-")]) == 1
    assert publisher.poll() is None


def test_models_published_under_a_staged_name_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an object store, which has no rename, content keeps the name it was staged under."""
    monkeypatch.setattr(Folder, "can_rename", False)
    publish(tmp_path)
    store = ModelStore(tmp_path / "models")
    found = store.find("flights")
    name = Path(found.folder).name
    assert name.startswith("staging-")
    notes = store.folder.child("flights", "publishing")
    notes.write_json(f"{name}.json", {"run": str(tmp_path / "runs" / "gone")})
    publish(tmp_path)
    assert store.load(found).arrays["w"].tolist() == [0, 1, 2]
    assert notes.names() == []
