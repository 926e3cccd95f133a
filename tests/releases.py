"""The release of Spark that the tests run on, for what its releases differ in."""

from typing import TYPE_CHECKING

from petafit.spark.releases import release_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def before(spark: "SparkSession", major: int, minor: int) -> bool:
    """Whether a session's Spark is older than a release."""
    found = release_of(spark.version)
    assert found is not None
    return found < (major, minor)
