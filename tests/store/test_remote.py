"""Other filesystems: faults in the middle of a write, with and without a rename."""

import pytest
from pyarrow import fs

from petafit.store import remote

HALF = r"connection reset|3 of 7 bytes arrived"


class Storage:
    """An in-memory filesystem with a given type name and given failures."""

    def __init__(self, type_name, fails=""):
        self.type_name = type_name
        self.fails = fails
        self.memory = fs._MockFileSystem()
        self.memory.create_dir("top")

    def __getattr__(self, name):
        return getattr(self.memory, name)

    def open_output_stream(self, path, compression):
        return Stream(self.memory.open_output_stream(path, compression=compression), self)

    def move(self, source, target):
        if self.fails == "move":
            raise OSError("rename failed")
        if self.memory.get_file_info(target).type != fs.FileType.NotFound:
            raise OSError("target exists")  # as HDFS does
        self.memory.move(source, target)

    def content(self):
        infos = self.memory.get_file_info(fs.FileSelector("top"))
        return {info.base_name: self.memory.open_input_file(info.path).read() for info in infos}


class Stream:
    def __init__(self, stream, storage):
        self.stream, self.storage = stream, storage

    def write(self, content):
        if self.storage.fails in ("write", "silently"):
            content = content[: len(content) // 2]
        self.stream.write(content)
        if self.storage.fails == "write":
            raise OSError("connection reset")

    def close(self):
        self.stream.close()


@pytest.fixture(params=["s3", "hdfs"])
def kind(request):
    return request.param


def test_whole_files_are_replaced_and_created(kind):
    storage = Storage(kind)
    remote.replace(storage, "top/x", b"old")
    remote.replace(storage, "top/x", b"newer")
    assert remote.create(storage, "top/y", b"first")
    assert not remote.create(storage, "top/y", b"second")
    assert storage.content() == {"x": b"newer", "y": b"first"}


@pytest.mark.parametrize("fault", ["write", "silently"])
@pytest.mark.parametrize("write", [remote.replace, remote.create])
def test_a_half_write_fails_loudly(kind, fault, write):
    storage = Storage(kind, fails=fault)
    with pytest.raises(OSError, match=HALF):
        write(storage, "top/x", b"content")
    if kind == "hdfs" or fault == "write":
        assert storage.content() == {}


@pytest.mark.parametrize("fault", ["write", "silently"])
def test_where_files_are_renamed_a_failed_write_leaves_the_old_one(fault):
    storage = Storage("hdfs")
    remote.replace(storage, "top/x", b"old")
    storage.fails = fault
    with pytest.raises(OSError, match=HALF):
        remote.replace(storage, "top/x", b"content")
    assert storage.content() == {"x": b"old"}


def test_a_failed_rename_leaves_no_temporary_file():
    storage = Storage("hdfs", fails="move")
    for write in (remote.replace, remote.create):
        with pytest.raises(OSError, match="rename failed"):
            write(storage, "top/x", b"content")
    assert storage.content() == {}


def test_an_object_store_never_renames(kind):
    storage = Storage(kind, fails="move")
    if kind == "s3":
        remote.replace(storage, "top/x", b"content")
        assert storage.content() == {"x": b"content"}
    assert remote.can_rename(storage) == (kind == "hdfs")


def test_the_loser_of_a_race_on_hdfs_creates_nothing(monkeypatch):
    storage = Storage("hdfs")
    monkeypatch.setattr(storage, "move", lambda *_: lose(storage))

    def lose(storage):
        with storage.memory.open_output_stream("top/x", compression=None) as stream:
            stream.write(b"other")
        raise OSError("target exists")

    assert not remote.create(storage, "top/x", b"content")
    assert storage.content() == {"x": b"other"}
