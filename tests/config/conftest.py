"""A small folder of settings, in a directory without any environment variables of petafit."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file of the folder `conf` in the current directory, which has one task, `mine`."""
    for name in list(os.environ):
        if name.startswith("PETAFIT"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def write_file(name: str, text: str) -> Path:
        path = Path("conf", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    write_file("tasks/mine.yaml", "table: data/mine\nlabel: y\n")
    return write_file
