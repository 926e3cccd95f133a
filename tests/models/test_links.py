"""Symbolic links in a store of models: those that lead out of it are not followed."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.models.store import ModelStore, open_model
from petafit.store.arrays import StateDict


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with two versions of a model, the second with an attachment."""

    def attach(uri: str) -> None:
        folder = Path(uri.removeprefix("file://"))
        folder.mkdir(parents=True)
        (folder / "part").write_text("of Spark")

    made = ModelStore(tmp_path / "models")
    fields = {"run_id": "r", "settings_digest": "d", "metrics": {}}
    made.publish("flights", StateDict({"a": np.ones(3)}), **fields)
    made.publish("flights", StateDict({"a": np.ones(4)}), attachment=attach, **fields)
    return tmp_path / "models"


def moved_out(inside: Path, outside: Path) -> None:
    """Leave a link where something was."""
    shutil.move(inside, outside)
    inside.symlink_to(outside)


@pytest.mark.parametrize(
    "inside",
    [
        "flights",
        "flights/objects",
        "flights/objects/*",
        "flights/objects/*/model.npz",
        "flights/versions",
        "flights/versions/000001.json",
        "flights/latest.json",
    ],
)
def test_a_link_that_leads_out_is_refused(store, tmp_path, inside):
    for number, path in enumerate(sorted(store.glob(inside))):
        moved_out(path, tmp_path / f"elsewhere-{number}")
    with pytest.raises(StorageError, match="leads out of its folder by a symbolic link"):
        open_model(f"{store}/flights@1" if "latest" not in inside else f"{store}/flights")


def test_a_link_in_an_attachment_is_refused(store, tmp_path):
    (path,) = store.glob("flights/objects/*/attachment/part")
    moved_out(path, tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="leads out of its folder by a symbolic link"):
        open_model(f"{store}/flights@2")


def test_models_linked_to_elsewhere_are_listed_as_unreadable(store, tmp_path):
    moved_out(store / "flights", tmp_path / "elsewhere")
    listed = ModelStore(store).list()
    assert [each.as_dict()["status"] for each in listed] == ["unreadable", "unreadable"]


def test_links_above_a_store_and_within_a_model_are_followed(store, tmp_path):
    (tmp_path / "shared").symlink_to(store)
    first = next(store.glob("flights/objects/*/model.npz"))
    kept = first.parent / "kept.npz"
    shutil.move(first, kept)
    first.symlink_to(kept)
    for version in (1, 2):
        assert open_model(f"{tmp_path}/shared/flights@{version}")[1].arrays
