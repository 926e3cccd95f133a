"""Published models: versions, digests, and readers who never see half of anything."""

import random
import shutil
import subprocess
import sys
import time
from uuid import uuid4

import numpy as np
import pytest

from petafit.errors import ConfigurationError
from petafit.models.store import ModelStore, open_model
from petafit.store.arrays import StateDict, digest, to_bytes
from petafit.store.filesystem import Folder

SMALL = StateDict({"w": np.arange(3.0)}, {"alpha": 0.5})
OTHER = StateDict({"w": np.arange(4.0)}, {"alpha": 0.5})


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models")


def publish(store, named=SMALL, *, name="flights", run_id="run-1", **options):
    options = {"settings_digest": "abc", "metrics": {"auc": 0.7}, **options}
    return store.publish(name, named, run_id=run_id, **options)


@pytest.mark.parametrize("uri", ["local", "memory"])
def test_a_published_model_is_found_and_loaded(tmp_path, uri):
    store = ModelStore(tmp_path if uri == "local" else f"mock://{uuid4().hex}/models")
    published = publish(store)
    found = store.find("flights")
    assert found == published
    assert store.load(found) == SMALL
    assert (found.name, found.version, found.kind, found.run_id) == (
        "flights",
        1,
        "arrays",
        "run-1",
    )
    assert (found.settings_digest, found.metrics) == ("abc", {"auc": 0.7})
    assert found.digest == digest(to_bytes(SMALL))
    assert found.folder == store.folder.child("flights", "objects", found.digest).uri
    assert found.attachment is None
    assert found.as_dict()["version"] == 1


def test_files_are_at_the_documented_paths(store):
    found = publish(store)
    assert store.folder.files() == [
        "flights/latest.json",
        f"flights/objects/{found.digest}/model.npz",
        "flights/versions/000001.json",
    ]


def test_versions_count_up_and_the_latest_is_found(store):
    publish(store)
    publish(store, OTHER, run_id="run-2")
    assert store.find("flights").version == 2
    assert store.load(store.find("flights", 1)) == SMALL
    assert store.load(store.find("flights", 2)) == OTHER
    publish(store, OTHER, name="clicks")
    assert [(found.name, found.version) for found in store.list()] == [
        ("clicks", 1),
        ("flights", 1),
        ("flights", 2),
    ]


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"{", "is not JSON"), (b"[]", "got format None"), (b'{"format": 1}', "is damaged")],
)
def test_a_version_that_cannot_be_read_is_listed_with_the_reason(store, content, error):
    for run_id in ("run-1", "run-2"):
        publish(store, run_id=run_id)
    publish(store, name="clicks")
    store.folder.write("flights/versions/000001.json", content)
    clicks, bad, good = store.list()
    assert (clicks.name, good.name, good.version) == ("clicks", "flights", 2)
    assert (bad.name, bad.version, bad.status) == ("flights", 1, "unreadable")
    assert error in bad.error
    assert bad.as_dict().keys() == {"name", "version", "status", "error"}


def test_a_version_that_cannot_be_read_does_not_keep_others_from_being_published(store):
    publish(store)
    store.folder.write("flights/versions/000001.json", b"{")
    assert publish(store).version == 2
    assert publish(store).version == 2, "the same content for the same run"


def test_the_digest_covers_the_content_only(store):
    first = publish(store)
    second = publish(store, run_id="run-2", metrics={"auc": 0.8})
    assert first.digest == second.digest
    assert (first.version, second.version) == (1, 2)


def test_an_attachment_is_published_beside_the_arrays(store):
    def write(uri):
        Folder(uri).write("stages/a", b"1")

    found = publish(store, attachment=write)
    assert store.find("flights") == found
    assert store.load(found) == SMALL
    assert found.kind == "mllib"
    assert Folder(found.attachment).read("stages/a") == b"1"
    assert found.attachment == f"file://{found.folder}/attachment"


def test_a_resumed_run_gets_the_version_it_has_published(store):
    first = publish(store)
    publish(store, OTHER, run_id="run-2")
    assert publish(store) == first
    assert store.find("flights").version == 2


def test_a_run_cut_off_before_the_pointer_moves_it_when_resumed(store):
    publish(store)
    publish(store, OTHER, run_id="run-2")
    store.folder.child("flights").write_json("latest.json", {"format": 1, "version": 1})
    assert publish(store, OTHER, run_id="run-2").version == 2
    assert store.find("flights").version == 2


def test_the_first_version_counts_though_its_publisher_never_reached_the_pointer(store):
    publish(store)
    store.folder.remove("flights/latest.json")
    assert store.load(store.find("flights")) == SMALL


def test_content_damaged_before_its_version_is_healed_by_publishing_again(store):
    publish(store)
    store.folder.write(f"flights/objects/{digest(to_bytes(SMALL))}/model.npz", b"damaged")
    publish(store)
    assert store.load(store.find("flights")) == SMALL


PUBLISH_FOREVER = """
import sys, numpy as np
from petafit.store.arrays import StateDict
from petafit.models.store import ModelStore
store, who, count = ModelStore(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    named = StateDict({"w": np.full(20_000, number)}, {"who": who})
    run = {"run_id": f"{who}-{number}", "settings_digest": "", "metrics": {}}
    found = store.publish("flights", named, **run)
    print(found.version, flush=True)
"""


def start_publisher(store, who, *, count):
    command = [sys.executable, "-c", PUBLISH_FOREVER, store.folder.uri, who, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("attempt", range(3))
def test_a_publisher_killed_anywhere_leaves_the_old_or_the_new_version(store, attempt):
    with start_publisher(store, f"killed-{attempt}", count=1_000_000) as publisher:
        for _ in range(attempt + 2):
            said = int(publisher.stdout.readline())
        time.sleep(random.uniform(0, 0.02))
        publisher.kill()
    latest = store.find("flights")
    assert latest.version >= said
    for found in store.list():
        assert set(store.load(found).arrays["w"]) == {found.version - 1}
    after = publish(store)
    assert after.version == store.list()[-1].version
    assert store.find("flights") == after


def test_concurrent_publishers_get_versions_of_their_own(store):
    publishers = [start_publisher(store, who, count=20) for who in ("a", "b")]
    versions = [int(line) for each in publishers for line in each.communicate()[0].split()]
    assert sorted(versions) == list(range(1, 41))
    assert store.find("flights").version == 40
    by_who = [store.load(found).params["who"] for found in store.list()]
    assert by_who.count("a") == by_who.count("b") == 20


def test_unknown_models_and_versions_are_named_with_those_there_are(store):
    publish(store)
    with pytest.raises(ConfigurationError, match=r"No model 'flihgts'.*mean 'flights'"):
        store.find("flihgts")
    with pytest.raises(ConfigurationError, match="no version 7; expected one of 1"):
        store.find("flights", 7)
    with pytest.raises(ConfigurationError, match="Train it first"):
        ModelStore(store.folder.child("empty")).find("flights")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a@3", ".hidden", "x" * 129])
def test_a_name_that_is_no_folder_name_is_refused(store, name):
    with pytest.raises(ConfigurationError, match="cannot be called"):
        publish(store, name=name)
    assert not store.folder.exists()


def test_a_copied_folder_is_the_same_model(store, tmp_path, monkeypatch):
    def write(uri):
        Folder(uri).write("a", b"1")

    publish(store)
    publish(store, OTHER, run_id="run-2", attachment=write)
    copy = tmp_path / "else where@home"
    shutil.copytree(f"{store.folder.path}/flights", copy, ignore=shutil.ignore_patterns(".*"))
    shutil.rmtree(store.folder.path)
    found, named = open_model(copy)
    assert (found.name, found.version, named) == ("flights", 2, OTHER)
    assert open_model(f"{copy}@1")[1] == SMALL
    assert open_model(f"file://{str(copy).replace(' ', '%20')}/")[1] == OTHER
    monkeypatch.chdir(tmp_path)
    assert open_model("else where@home@2")[1] == OTHER


def test_a_folder_without_a_model_is_refused_with_its_neighbours(store):
    publish(store)
    with pytest.raises(ConfigurationError, match=r"No model 'flight' in .*mean 'flights'"):
        open_model(f"{store.folder.uri}/flight")
