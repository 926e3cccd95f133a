"""What tests on a platform share: the archive for workers, and a Python with nothing installed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from petafit.workflow.package import Package, package
from tests.cluster import connect_server


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without any package, as on the hosts of a cluster."""
    folder = tmp_path_factory.mktemp("bare") / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin/python"
    tried = subprocess.run([python, "-I", "-c", "import pyarrow"], capture_output=True, check=False)
    assert tried.returncode == 1
    return python


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The archive as `petafit package` builds it; takes some minutes."""
    return package(tmp_path_factory.mktemp("package") / "petafit.tar.gz")


@pytest.fixture(scope="session")
def connect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Spark Connect server, which all tests in the group `connect` share."""
    with connect_server(tmp_path_factory.mktemp("connect")) as url:
        yield url
