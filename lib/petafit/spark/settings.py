"""Spark settings that petafit needs, by when they can be set, and checks of all values."""

import os
import re
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from petafit.config.section import Scalar
from petafit.config.settings import Settings
from petafit.config.submit import as_text
from petafit.messages import holds_secret
from petafit.spark.failures import reason, refused
from petafit.spark.releases import release_of

EXTENSIONS = "spark.sql.extensions"
CATALOG = "spark.sql.catalog.spark_catalog"

DELTA = {
    EXTENSIONS: "io.delta.sql.DeltaSparkSessionExtension",
    CATALOG: "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}

ATTEMPTS = 4
"""Spark's default number of attempts of a task on a cluster."""

_LOCAL = re.compile(r"local(?:\[(?P<threads>\d+|\*)\])?")

# Threads in a worker would compete for its core, and change the last bits of sums.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


# Arrow's allocators are equally fast; this one keeps a sixth less of a worker's memory.
_ALLOCATOR = {"spark.executorEnv.ARROW_DEFAULT_MEMORY_POOL": "system"}
_DECLARING = (
    ("spark.", "org.apache.spark.internal.config.package$"),
    ("spark.sql.", "org.apache.spark.sql.internal.SQLConf$"),
    ("spark.sql.", "org.apache.spark.sql.internal.StaticSQLConf$"),
    ("spark.databricks.delta.", "org.apache.spark.sql.delta.sources.DeltaSQLConf$"),
)
"""The classes that declare settings when they are loaded, by what begins the settings' names."""


def launch_settings(settings: Settings) -> dict[str, str]:
    """Return the settings for the JVM's start; no secrets, since a command line is public."""
    quiet = {"spark.ui.showConsoleProgress": "false"}
    submit = as_text(settings.spark.submit)
    public = {name: value for name, value in submit.items() if not _is_private(name, value)}
    return quiet | public | _master(settings)


def _is_private(name: str, value: str) -> bool:
    """Return whether a setting is an option of the driver's JVM, always on its command line."""
    return holds_secret(name, value) and not name.startswith("spark.driver.extraJava")


def _master(settings: Settings) -> dict[str, str]:
    return {"spark.master": settings.spark.master} if settings.spark.master else {}


def secret_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that are set only when the session is built, not on the command line."""
    submit = as_text(settings.spark.submit)
    return {name: value for name, value in submit.items() if _is_private(name, value)}


def build_settings(standing: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for building the session; a setting of the user wins.

    Delta is configured only if its classes exist: a session with an extension that it cannot load
    fails in every operation.
    """
    ours = {
        "spark.python.worker.faulthandler.enabled": "true",
        **{f"spark.executorEnv.{name}": "1" for name in _ONE_THREAD},
        **_ALLOCATOR,
        **(DELTA if has_delta_jars() else {}),
    }
    master = standing.get("spark.master", "")
    if master.startswith("local"):
        # Spark creates this folder in the current directory; petafit does not use it.
        ours["spark.sql.warehouse.dir"] = str(Path(tempfile.gettempdir(), "petafit-warehouse"))
    ours = {name: value for name, value in ours.items() if name not in standing}
    return ours | ({"spark.master": with_retries(master)} if master else {})


def with_retries(master: str) -> str:
    """Return the master; a local one is set to retry failed tasks as often as a cluster.

    Examples
    --------
    >>> [with_retries(master) for master in ("local", "local[*]", "local[2,8]", "yarn")]
    ['local[1,4]', 'local[*,4]', 'local[2,8]', 'yarn']
    """
    found = _LOCAL.fullmatch(master)
    return f"local[{found['threads'] or 1},{ATTEMPTS}]" if found else master


def session_settings(settings: Settings) -> dict[str, str]:
    """Return the settings that a running session accepts, too."""
    import pyspark

    ours: dict[str, Scalar] = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": False,  # direct reading ignores case, too
        "spark.sql.execution.arrow.maxRecordsPerBatch": settings.training.batch_rows,
        "spark.sql.execution.arrow.pyspark.validateSchema.enabled": True,
        # With it UDFs of Spark 3.5 get a vector as a row, those of its own OneVsRest too
        "spark.sql.execution.pythonUDF.arrow.enabled": release_of(pyspark.__version__) != (3, 5),
        # With it a UDF over a table's columns cannot return a vector (SPARK-56350), as text does.
        "spark.sql.execution.arrow.pythonUDF.columnarInput.enabled": False,
        # As in Spark 4.0; 3.5 refuses old dates in files that Spark did not write
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        "spark.sql.files.ignoreCorruptFiles": False,  # true would keep the rows before the damage
    }
    return as_text(ours | settings.storage.hadoop_settings() | settings.spark.session)


def has_delta_jars() -> bool:
    """Return whether Delta's jars are in the folder of the Spark that will start."""
    home = os.environ.get("SPARK_HOME")
    package = find_spec("pyspark")
    folders = [home] if home else list(package.submodule_search_locations or []) if package else []
    return any(next(Path(folder, "jars").glob("delta-spark*.jar"), None) for folder in folders)


def check_values(settings: Mapping[str, str]) -> None:
    """Refuse values that Spark will not take, as far as the JVM that runs can tell.

    Spark reads most settings where it first needs one, which may be in the middle of a job.

    Raises
    ------
    ConfigurationError
        A value is not of its setting's type, or beyond its range.
    """
    for name, value in settings.items():
        if "${" in value:  # Spark puts in what a variable holds
            continue
        if why := _why_not(name, value):
            raise refused({name: value}, why)


def _why_not(name: str, value: str) -> str:
    """Return why Spark refuses a value; empty if it does not, or if that is unknown."""
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException

    jvm: Any = SparkContext._jvm
    try:
        for beginning, declaring in _DECLARING:
            if name.startswith(beginning):
                jvm.org.apache.spark.util.Utils.classForName(declaring, True, False)
        entry = jvm.org.apache.spark.internal.config.ConfigEntry.findEntry(name)
    except (PySparkException, Py4JError):  # no Delta, or a platform's own Spark
        return ""
    try:
        if entry is not None:
            entry.valueConverter().apply(value)
    except (PySparkException, Py4JError) as error:
        return reason(error)
    return ""
