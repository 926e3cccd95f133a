"""Folders of kernels: which one is written, and what its name says."""

import os
from pathlib import Path

import pytest

from petafit.compiled import folders
from tests.compiled.processes import PROBE, environment, run


@pytest.fixture(autouse=True)
def _forget_folder(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(folders.numba.config, "CACHE_DIR", "")
    folders.cache_folder.cache_clear()
    yield
    folders.cache_folder.cache_clear()


def test_the_users_cache_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert folders.cache_folder() == tmp_path / "petafit/numba"
    assert folders.cache_folder().stat().st_mode & 0o077 == 0


def test_without_a_home_the_temporary_folder_is_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path))
    assert folders.cache_folder() == tmp_path / f"petafit-numba-{os.getuid()}"


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(folders.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    theirs = os.getuid() + 1
    monkeypatch.setattr(folders.os, "getuid", lambda: theirs)
    folder = folders.cache_folder()
    assert folder.parent == tmp_path
    assert folder.name not in {"numba", f"petafit-numba-{theirs}"}


@pytest.mark.parametrize("given", [True, False])
def test_a_process_without_a_home_compiles_and_caches(tmp_path, given):
    (tmp_path / "file").touch()
    variables = environment(HOME=str(tmp_path / "file"), TMPDIR=str(tmp_path))
    if given:
        variables["NUMBA_CACHE_DIR"] = str(tmp_path / "given")
    (where, count), _ = run(PROBE, variables)
    name = "given" if given else f"petafit-numba-{os.getuid()}"
    assert Path(where) == tmp_path / name
    assert list(Path(where).rglob("*.nbi"))
    assert int(count) > 0


def test_a_change_in_any_kernel_starts_a_new_cache(tmp_path, monkeypatch):
    kernels, other = tmp_path / "learners/kernels.py", tmp_path / "other.py"
    kernels.parent.mkdir()
    monkeypatch.setattr(folders.resources, "files", lambda package: tmp_path)
    versions = []
    for inner, outer in (("@njit", "1"), ("@njit", "2"), ("@njit #", "2")):
        kernels.write_text(inner)
        other.write_text(outer)
        folders.version_of_kernels.cache_clear()
        versions.append(folders.version_of_kernels())
    folders.version_of_kernels.cache_clear()
    assert versions[0] == versions[1] != versions[2]


def test_another_numba_starts_a_new_cache(monkeypatch):
    folders.version_of_kernels.cache_clear()
    mine = folders.version_of_kernels()
    monkeypatch.setattr(folders.numba, "__version__", "0.1")
    folders.version_of_kernels.cache_clear()
    assert folders.version_of_kernels() != mine
    folders.version_of_kernels.cache_clear()


def test_the_name_says_which_processor():
    ours = folders.version_name(("x86_64-linux", "znver4", "+avx2"))
    assert ours.split("-")[1] == "znver4"
    assert ours != folders.version_name(("x86_64-linux", "znver4", "+avx2,+avx512f"))
