"""Compiled kernels can be cached wherever the package is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from petafit import compiled

_PROBE = """
import numba
from petafit.compiled import cache_folder
from petafit.features.hashing import feature_index
feature_index("a", 4)
print(numba.config.CACHE_DIR)
"""


@pytest.fixture(autouse=True)
def _forget_folder():
    compiled.cache_folder.cache_clear()
    yield
    compiled.cache_folder.cache_clear()


def test_the_users_cache_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled.cache_folder() == tmp_path / "petafit/numba"
    assert compiled.cache_folder().stat().st_mode & 0o077 == 0


def test_without_a_home_the_temporary_folder_is_used(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(tmp_path))
    assert compiled.cache_folder() == tmp_path / f"petafit-numba-{os.getuid()}"


def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    theirs = os.getuid() + 1
    monkeypatch.setattr(compiled.os, "getuid", lambda: theirs)
    folder = compiled.cache_folder()
    assert folder.parent == tmp_path
    assert folder.name not in {"numba", f"petafit-numba-{theirs}"}


@pytest.mark.parametrize("given", [True, False])
def test_a_process_without_a_home_compiles_and_caches(tmp_path, given):
    (tmp_path / "file").touch()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"},
        "HOME": str(tmp_path / "file"),
        "TMPDIR": str(tmp_path),
    }
    environment.pop("NUMBA_CACHE_DIR", None)
    if given:
        environment["NUMBA_CACHE_DIR"] = str(tmp_path / "given")
    run = subprocess.run(
        [sys.executable, "-c", _PROBE], env=environment, check=True, capture_output=True, text=True
    )
    used = Path(run.stdout.strip())
    assert used.parent == tmp_path
    assert (used.name == "given") is given
    assert list(used.rglob("*.nbi"))
