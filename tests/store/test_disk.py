"""The local disk: whole files or none, whatever fails and whoever else writes."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from petafit.store import disk


def listed(folder):
    return [path.name for path in folder.iterdir()]


def test_exactly_one_of_many_creates_the_file(tmp_path):
    path = tmp_path / "x"
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: disk.create(path, b"%d" % number), range(64)))
    assert won.count(True) == 1
    assert path.read_bytes() == b"%d" % won.index(True)
    assert listed(tmp_path) == ["x"]


def without_hard_links(*_, **__):
    raise OSError(errno.EPERM, "Operation not permitted")


def test_create_is_exclusive_on_disks_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", without_hard_links)
    assert disk.create(tmp_path / "x", b"first")
    assert not disk.create(tmp_path / "x", b"second")
    assert (tmp_path / "x").read_bytes() == b"first"
    assert listed(tmp_path) == ["x"]


@pytest.mark.parametrize("write", [disk.replace, disk.create])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch, write):
    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "x", b"content")
    assert listed(tmp_path) == []


def test_replacing_a_folder_by_a_file_fails_and_leaves_the_folder(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError):
        disk.replace(tmp_path / "x", b"content")
    assert listed(tmp_path) == ["x"]


def test_new_files_have_the_permissions_of_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        disk.replace(tmp_path / "a", b"")
        disk.create(tmp_path / "b", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640


def test_removing_a_link_keeps_its_target(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/x").write_text("x")
    (tmp_path / "link").symlink_to("kept")
    disk.remove(tmp_path / "link")
    assert (tmp_path / "kept/x").exists()
    assert not (tmp_path / "link").exists()
