"""Versions: what is recorded, and a digest that follows the code."""

import platform
import subprocess
import sys
from importlib import metadata, resources

from petafit.store import versions
from petafit.store.versions import code_digest, installed_versions


def test_versions_are_those_installed():
    found = installed_versions()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == metadata.version("numpy")
    assert {"petafit", "pyarrow", "scikit-learn", "numba", "deltalake"} <= found.keys()
    assert all(isinstance(version, str) for version in found.values())


def test_packages_that_are_not_installed_are_left_out(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert installed_versions().keys() == {"python", "machine", "processor_features"}


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from petafit.store.versions import *; installed_versions(); code_digest(); "
        "print({'numpy', 'pyarrow', 'numba', 'pyspark', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_digest_follows_names_and_content(tmp_path, monkeypatch):
    def digest():
        code_digest.cache_clear()
        return code_digest()

    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.py").write_text("1")
    (tmp_path / "y.py").write_text("2")
    seen = [digest()]
    (tmp_path / "notes.txt").write_text("not code")
    assert digest() == seen[0]
    (tmp_path / "y.py").write_text("3")
    seen.append(digest())
    (tmp_path / "y.py").rename(tmp_path / "a/y.py")
    seen.append(digest())
    assert len(set(seen)) == 3
    monkeypatch.undo()
    versions.code_digest.cache_clear()
