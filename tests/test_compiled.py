"""Compiled kernels can be cached wherever the package is installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from petafit import compiled

_PROBE = """
import numba
from petafit.compiled import compile_seconds
from petafit.features.encoding.hashing import feature_index
assert compile_seconds() == 0
feature_index("a", 4)
print(numba.config.CACHE_DIR, compile_seconds())
"""

_LEARN = """
from petafit.compiled import compile_seconds
from tests.learners.cases import Case
case = Case("petafit.OnlineLinearClassifier")
learner, (batch,) = case.learner, case.batches(0, count=1)
state, _ = learner.progressive(learner.start(), batch)
learner.predict(learner.finish(learner.lift(state)), batch.X)
print(compile_seconds())
"""


def run(program: str, environment: dict[str, str]) -> list[str]:
    """The output of a new process."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


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
    where, seconds = run(_PROBE, environment)
    used = Path(where)
    assert used.parent == tmp_path if given else used.parent.parent == tmp_path
    assert (used.name == "given") is given
    assert list(used.rglob("*.nbi"))
    assert float(seconds) > 0


def test_a_second_process_compiles_nothing(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    (first,) = run(_LEARN, environment)
    assert float(first) > 0
    assert run(_LEARN, environment) == ["0.0"]


def test_a_change_in_any_kernel_starts_a_new_cache(tmp_path, monkeypatch):
    kernels, other = tmp_path / "learners/kernels.py", tmp_path / "other.py"
    kernels.parent.mkdir()
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    versions = []
    for inner, outer in (("@njit", "1"), ("@njit", "2"), ("@njit #", "2")):
        kernels.write_text(inner)
        other.write_text(outer)
        compiled.version_of_kernels.cache_clear()
        versions.append(compiled.version_of_kernels())
    compiled.version_of_kernels.cache_clear()
    assert versions[0] == versions[1] != versions[2]
