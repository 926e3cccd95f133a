"""Manifests and the pointer: numbered once, and refused when they are not what was written."""

import json
from pathlib import Path

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.models import manifest
from petafit.models.content import content_digest
from petafit.models.store import ModelStore
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models")


def publish(store, number=1):
    named = StateDict({"w": np.full(3, number)})
    return store.publish("flights", named, run_id=f"run-{number}", settings_digest="", metrics={})


def edit(store, name, **changes):
    path = Path(store.folder.path, "flights", name)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_publisher_overtaken_at_the_pointer_leaves_it_at_the_newest(store, monkeypatch):
    """The slower of two publishers must not point back to its own, older version."""
    write_json = Folder.write_json

    def overtaken(folder, name, value):
        monkeypatch.setattr(Folder, "write_json", write_json)
        publish(store, 2)
        write_json(folder, name, value)

    monkeypatch.setattr(Folder, "write_json", overtaken)
    publish(store)
    assert store.find("flights").run_id == "run-2"


def test_a_number_taken_by_another_publisher_is_not_used_twice(store, monkeypatch):
    publish(store)
    monkeypatch.setattr(manifest, "max", lambda *_, **__: 0, raising=False)
    assert publish(store, 2).version == 2


@pytest.mark.parametrize("name", ["latest.json", "versions/000001.json"])
def test_an_unknown_format_is_refused_naming_both_numbers(store, name):
    publish(store)
    edit(store, name, format=2)
    with pytest.raises(StorageError, match="expected format 1; got format 2"):
        store.find("flights")


@pytest.mark.parametrize("folder", ["../../../etc", "/etc", "objects/../../x", ""])
def test_a_folder_outside_the_model_is_refused(store, folder):
    publish(store)
    edit(store, "versions/000001.json", folder=folder)
    with pytest.raises(StorageError, match="leaves its folder"):
        store.find("flights")


def test_a_file_outside_the_model_is_refused(store):
    publish(store)
    files = {"model.npz": "0" * 64, "../../../../secret": "0" * 64}
    edit(store, "versions/000001.json", files=files, digest=content_digest(files))
    with pytest.raises(StorageError, match="does not hold what its manifest lists"):
        store.load(store.find("flights"))


def test_a_manifest_whose_digests_disagree_is_refused(store):
    found = publish(store)
    edit(store, "versions/000001.json", files={"model.npz": "0" * 64})
    with pytest.raises(
        StorageError, match=f"contradicts itself; expected digest {found.digest[:12]}"
    ):
        store.load(store.find("flights"))


@pytest.mark.parametrize(
    ("changes", "got"), [({"files": ["model.npz"]}, "files"), ({"run_id": 3}, "run_id")]
)
def test_a_damaged_manifest_is_refused_naming_the_entry(store, changes, got):
    publish(store)
    edit(store, "versions/000001.json", **changes)
    with pytest.raises(StorageError, match=f"version 1 .* is damaged; got {got}"):
        store.find("flights")


@pytest.mark.parametrize("version", [7, "1", None])
def test_a_pointer_to_nowhere_is_refused(store, version):
    publish(store)
    edit(store, "latest.json", version=version)
    with pytest.raises(
        StorageError, match="names a version that does not exist; expected one of 1"
    ):
        store.find("flights")
