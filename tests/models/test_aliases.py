"""Aliases of versions: changed at once, with a history to go back in."""

import threading
from pathlib import Path

import numpy as np
import pytest

from petafit.errors import ConfigurationError, ConflictError, StorageError
from petafit.models.store import ModelStore, open_model
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder


@pytest.fixture
def store(tmp_path):
    store = ModelStore(tmp_path / "models")
    for number in range(1, 6):
        named = StateDict({"w": np.full(3, number)})
        run = {"run_id": f"run-{number}", "settings_digest": "", "metrics": {}}
        store.publish("flights", named, **run)
    return store


def champion(store):
    return store.find("flights", "champion").version


def test_an_alias_names_the_version_promoted_last(store):
    assert store.promote("flights", 3, alias="champion").version == 3
    assert champion(store) == 3
    store.promote("flights", "latest", alias="candidate")
    store.promote("flights", "candidate", alias="champion")
    assert store.aliases("flights") == {"latest": 5, "candidate": 5, "champion": 5}
    assert open_model(f"{store.folder.uri}/flights@champion")[0].version == 5


def test_rollbacks_go_back_one_promotion_at_a_time(store):
    for version in (1, 2, 2, 3):
        store.promote("flights", version, alias="champion")
    assert store.rollback("flights", alias="champion").version == 2
    assert store.rollback("flights", alias="champion").version == 1
    with pytest.raises(ConfigurationError, match="no other version before"):
        store.rollback("flights", alias="champion")
    store.promote("flights", 5, alias="champion")
    assert store.rollback("flights", alias="champion").version == 1
    history = store.folder.child("flights", "aliases", "champion").names()
    assert len(history) == 7


def test_versions_that_cannot_be_promoted_are_refused(store):
    with pytest.raises(ConfigurationError, match="no version 9"):
        store.promote("flights", 9, alias="champion")
    with pytest.raises(ConfigurationError, match=r"No model 'fligths'.*mean 'flights'"):
        store.promote("fligths", 1, alias="champion")
    with pytest.raises(ConfigurationError, match="never named a version"):
        store.rollback("flights", alias="champion")
    with pytest.raises(ConfigurationError, match=r"alias 'champoin'.*Choose one of 'latest'"):
        store.find("flights", "champoin")


@pytest.mark.parametrize("alias", ["latest", "3", "Champion", "../x", "a@b", "", "x" * 65])
def test_names_that_mean_something_else_cannot_be_given(store, alias):
    with pytest.raises(ConfigurationError, match="cannot be given the alias"):
        store.promote("flights", 1, alias=alias)


def test_of_two_who_promote_at_once_one_is_refused(store):
    codes, start = [], threading.Barrier(4)

    def change(version):
        start.wait()
        try:
            store.promote("flights", version, alias="champion")
            codes.append(version)
        except ConflictError:
            codes.append(None)

    for _ in range(5):
        threads = [threading.Thread(target=change, args=(version,)) for version in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    known = [version for version in codes if version]
    assert champion(store) in known
    names = store.folder.child("flights", "aliases", "champion").names()
    assert len(names) <= len(known)


def test_a_change_that_another_one_overtook_is_refused(store, monkeypatch):
    store.promote("flights", 1, alias="champion")
    create = Folder.create

    def overtaken(folder, name, content):
        monkeypatch.setattr(Folder, "create", create)
        store.promote("flights", 2, alias="champion")
        return create(folder, name, content)

    monkeypatch.setattr(Folder, "create", overtaken)
    with pytest.raises(ConflictError, match="at the same time"):
        store.promote("flights", 3, alias="champion")
    assert champion(store) == 2


def test_a_damaged_alias_is_named_and_hides_no_other(store):
    store.promote("flights", 1, alias="champion")
    store.promote("flights", 2, alias="candidate")
    path = Path(store.folder.path, "flights/aliases/champion/000001.json")
    path.write_text('{"format": 1, "version": "x"}')
    assert store.aliases("flights") == {"latest": 5, "candidate": 2}
    with pytest.raises(StorageError, match=r"champion/000001\.json is damaged"):
        store.rollback("flights", alias="champion")
    with pytest.raises(StorageError, match=r"champion/000001\.json is damaged"):
        store.find("flights", "champion")
    assert store.find("flights", "candidate").version == 2


def test_a_folder_with_an_at_in_its_name_is_that_folder(store, tmp_path):
    Path(store.folder.path, "flights").rename(tmp_path / "flights@home")
    assert open_model(tmp_path / "flights@home")[0].version == 5
    with pytest.raises(ConfigurationError, match="alias 'office'"):
        open_model(f"{tmp_path / 'flights@home'}@office")
