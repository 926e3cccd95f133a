"""Values of Spark's settings, held against the types that Spark declares for them."""

from collections.abc import Mapping
from typing import Any

from petafit.spark.failures import reason, refused

_DECLARING = (
    ("spark.", "org.apache.spark.internal.config.package$"),
    ("spark.sql.", "org.apache.spark.sql.internal.SQLConf$"),
    ("spark.sql.", "org.apache.spark.sql.internal.StaticSQLConf$"),
    ("spark.databricks.delta.", "org.apache.spark.sql.delta.sources.DeltaSQLConf$"),
)
"""The classes that declare settings when they are loaded, by what begins the settings' names."""


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
