"""Folders: the same behaviour on the local disk and on pyarrow's in-memory filesystem."""

import os
import pickle
import threading
import time
from uuid import uuid4

import pytest
from pyarrow import fs

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder


@pytest.fixture(params=["local", "file uri", "memory"])
def folder(request, tmp_path):
    if request.param == "memory":
        return Folder(f"mock://{uuid4().hex}/a top")
    return Folder(tmp_path / "a top" if request.param == "local" else f"file://{tmp_path}/a%20top")


def test_written_files_are_read(folder):
    folder.write("a/b.bin", b"\0\1")
    assert folder.read("a/b.bin") == b"\0\1"
    assert folder.child("a").read("b.bin") == b"\0\1"
    folder.write("a/b.bin", b"")
    assert folder.read("a/b.bin") == b""


def test_a_compressed_file_is_read_as_it_is(folder):
    folder.write("x.gz", b"not gzip")
    assert folder.read("x.gz") == b"not gzip"


def test_create_writes_once(folder):
    assert folder.create("one", b"first")
    assert not folder.create("one", b"second")
    assert folder.read("one") == b"first"
    assert folder.names() == ["one"]


def test_children_are_listed_by_name_without_hidden_ones(folder):
    assert folder.names() == []
    assert folder.files() == []
    for name in ("b", "a/x/y", "a/z", ".hidden", ".folder/x", "c/.part.crc"):
        folder.write(name, b"")
    assert folder.names() == ["a", "b", "c"]
    assert folder.files() == ["a/x/y", "a/z", "b"]
    assert folder.child("a").files() == ["x/y", "z"]


def test_exists_and_remove(folder):
    assert not folder.exists()
    folder.remove()
    folder.remove("missing")
    folder.write("a/b", b"")
    folder.write("c", b"")
    assert folder.exists()
    assert folder.exists("a")
    assert folder.exists("a/b")
    folder.remove("c")
    folder.remove("a")
    assert folder.names() == []
    folder.remove()
    assert not folder.exists()


def test_unfinished_files_are_removed_after_a_day(tmp_path):
    old, new, other = (f".{letter * 32}.tmp" for letter in "abc")
    names = {old: 25 * 3600, new: 23 * 3600, other[:-1]: 25 * 3600, "old.tmp": 25 * 3600}
    for name, age in names.items():
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    Folder(tmp_path).remove_abandoned()
    assert {path.name for path in tmp_path.iterdir()} == names.keys() - {old}
    Folder(tmp_path / "missing").remove_abandoned()


def test_a_link_is_the_same_file_under_a_second_name(tmp_path):
    one, two = Folder(tmp_path / "one"), Folder(tmp_path / "two")
    one.write("a/b", b"content")
    two.link("a/b", one)
    one.remove()
    assert two.read("a/b") == b"content"


def test_rename_moves_a_whole_folder(folder):
    assert folder.can_rename
    folder.write("old/a", b"1")
    folder.rename("old", "new")
    assert folder.files() == ["new/a"]


def test_json_is_readable_and_stable(folder):
    folder.write_json("x.json", {"b": 1, "a": [True, None, "é"]})
    assert folder.read("x.json").decode() == (
        '{\n  "a": [\n    true,\n    null,\n    "é"\n  ],\n  "b": 1\n}\n'
    )
    assert folder.read_json("x.json") == {"a": [True, None, "é"], "b": 1}


@pytest.mark.parametrize(
    "content", [b'{"a": ', b"[" * 10**6, b'{"a":' * 10**5, b"9" * 10**4, b"\xff\xfe\x00"]
)
def test_damaged_json_is_named(folder, content):
    folder.write("x.json", content)
    with pytest.raises(StorageError, match=r"x\.json is not JSON.*damaged"):
        folder.read_json("x.json")


def test_the_digest_is_that_of_the_content(folder):
    folder.write("x", b"abc")
    assert folder.digest("x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("action", ["read", "digest", "read_json"])
def test_a_missing_file_is_named(folder, action):
    with pytest.raises(StorageError, match=r"Cannot read .*top/a/x\.json.* Check"):
        getattr(folder, action)("a/x.json")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x"])
def test_no_name_leaves_the_folder(folder, name):
    for action in (folder.read, folder.exists, folder.remove, folder.child, folder.digest):
        with pytest.raises(StorageError, match="leaves its folder"):
            action(name)
    with pytest.raises(StorageError, match="leaves its folder"):
        folder.write(name, b"")


def test_an_empty_name_is_no_file(folder):
    for action in (folder.read, folder.digest, lambda name: folder.write(name, b"")):
        with pytest.raises(StorageError, match="names below it"):
            action("")


def test_folders_compare_by_uri_and_travel_by_it(folder):
    twin = pickle.loads(pickle.dumps(folder))
    assert twin == folder == Folder(folder) == Folder(folder.uri)
    assert hash(twin) == hash(folder)
    assert twin != folder.child("x")
    assert folder.child("x", "y").split() == (folder.child("x"), "y")
    folder.write("x", b"1")
    assert twin.read("x") == b"1"


@pytest.mark.parametrize("below", ["plain", "plain/deeper", "/proc/nowhere"])
def test_an_unwritable_folder_is_named_with_the_reason(tmp_path, below):
    (tmp_path / "plain").write_text("a file, not a folder")
    folder = Folder(tmp_path / below)
    with pytest.raises(StorageError, match=r"Cannot write .*/x; got (Not a|No such)") as refused:
        folder.write("x", b"")
    assert folder.uri in str(refused.value)
    assert "the right to write there" in refused.value.hint
    assert isinstance(refused.value.__cause__, OSError)


def test_readers_of_a_local_file_see_the_old_or_the_new_content(tmp_path):
    folder, sizes, stop = Folder(tmp_path), set(), threading.Event()
    folder.write("x", b"a" * 100_000)

    def read():
        while not stop.is_set():
            content = folder.read("x")
            sizes.add((len(content), len(set(content))))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        folder.write("x", (b"b" if number % 2 else b"a") * (100_000 + number % 2))
    stop.set()
    reader.join()
    assert sizes <= {(100_000, 1), (100_001, 1)}


def test_uris_are_opened_on_the_filesystem_they_name():
    folder = Folder("s3a://bucket/my%20runs?region=eu-west-1").child("x")
    assert isinstance(folder.filesystem, fs.S3FileSystem)
    assert folder.filesystem.region == "eu-west-1"
    assert folder.path == "bucket/my runs/x"
    assert folder.uri == "s3a://bucket/my%20runs/x?region=eu-west-1"
    assert folder.spark_uri == "s3a://bucket/my runs/x"
    assert not folder.is_local
    assert not folder.can_rename


def test_one_client_serves_all_folders_of_a_bucket():
    folder = Folder("s3://bucket/a?region=eu-west-1")
    assert folder.child("b").filesystem is folder.filesystem
    assert pickle.loads(pickle.dumps(folder)).filesystem is folder.filesystem


@pytest.mark.parametrize("uri", ["dbfs:/x", "ftp://host/x"])
def test_an_unknown_filesystem_is_refused_with_those_known(uri):
    with pytest.raises(ConfigurationError, match=r"Cannot open the filesystem.*s3://.*hdfs://"):
        Folder(uri)
