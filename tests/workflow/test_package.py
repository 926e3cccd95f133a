"""`petafit package` where it cannot work: what was wrong is said, and nothing is left behind."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from petafit.errors import ConfigurationError, PetafitError, StorageError
from petafit.workflow.package import package

ROOT = Path(__file__).parents[2]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes instead of an index; it has one package, ``tiny``."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        described = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.0.dist-info/METADATA", described)
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def refused(folder: Path, kind: type[PetafitError], message: str, **options: object) -> str:
    """The error of a package that cannot be built; it has left nothing in its folder."""
    folder.mkdir(exist_ok=True)
    before = sorted(folder.iterdir())
    with pytest.raises(kind, match=message) as caught:
        package(folder / "archive.tar.gz", **options)  # type: ignore[arg-type]
    assert sorted(folder.iterdir()) == before
    return str(caught.value)


def test_without_an_index(offline: Path, tmp_path: Path) -> None:
    said = refused(tmp_path / "out", ConfigurationError, "packages could not be installed")
    assert "No matching distribution" in said
    assert "check the network" in said


def test_a_package_that_is_not_the_pinned_one(offline: Path, tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    said = refused(tmp_path / "out", ConfigurationError, "could not be installed", lock=lock)
    assert "0" * 64 in said


def test_another_version_of_python(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\necho 3 9\n")
    old.chmod(0o755)
    said = refused(tmp_path / "out", ConfigurationError, "Spark refuses", python=str(old))
    assert f"expected Python 3.{sys.version_info[1]}; got Python 3.9" in said


def test_no_python(tmp_path: Path) -> None:
    missing = str(tmp_path / "python3")
    assert "No such file" in refused(
        tmp_path / "out", ConfigurationError, "does not run", python=missing
    )


def test_an_earlier_archive_stays_where_the_new_one_fails(offline: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "archive.tar.gz").write_text("earlier")
    refused(folder, ConfigurationError, "could not be installed")
    assert (folder / "archive.tar.gz").read_text() == "earlier"


def test_no_write_access(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"archive\.tar\.gz cannot be written"):
        package(tmp_path / "file" / "archive.tar.gz")


def test_the_lock_pins_what_the_development_environment_has() -> None:
    def pins(path: str) -> set[str]:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        return {line.rstrip(" \\") for line in lines if "==" in line}

    runtime = pins("lib/petafit/runtime.lock")
    assert runtime <= pins("requirements.lock")
    assert not [pin for pin in runtime if pin.startswith(("pyspark", "pytest", "matplotlib"))]


def test_the_lock_names_no_host() -> None:
    text = (ROOT / "lib/petafit/runtime.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
