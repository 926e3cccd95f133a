"""Kernels that are compiled ahead of jobs: all or none are put in place."""

import sys
from pathlib import Path

import pytest

from petafit.compiled import target
from petafit.errors import ConfigurationError, StorageError
from petafit.workflow.precompile import compile_kernels


def test_a_failed_compilation_replaces_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "earlier").touch()
    failing = (sys.executable, "-c", "raise SystemExit('no space left')")
    with pytest.raises(StorageError, match=r"(?s)could not be compiled.*no space left"):
        compile_kernels(folder, python=failing)
    assert [path.name for path in tmp_path.rglob("*")] == ["kernels", "earlier"]


def test_a_folder_is_replaced_once_all_is_compiled(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "earlier").touch()
    program = """
import os, pathlib
pathlib.Path(os.environ["NUMBA_CACHE_DIR"], "new").write_text(os.environ["NUMBA_CPU_NAME"])
print('{"count": 7, "target": "generic"}')
"""
    done = compile_kernels(folder, target="generic", python=(sys.executable, "-c", program))
    assert (done.folder, done.count, done.target) == (folder, 7, "generic")
    assert {path.name for path in tmp_path.rglob("*")} == {"kernels", "new", "target"}
    assert (folder / "new").read_text() == "generic"
    assert (folder / "target").read_text() == "generic\n"


def test_no_write_access_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        compile_kernels(tmp_path / "file" / "kernels")


def test_a_level_above_this_machine_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "_features", dict)
    monkeypatch.setattr(target, "_machine", lambda: "x86_64-unknown-linux-gnu")
    with pytest.raises(ConfigurationError, match="cannot compile kernels for x86-64-v3"):
        compile_kernels(tmp_path / "kernels", target="x86-64-v3")
    assert not list(tmp_path.iterdir())
