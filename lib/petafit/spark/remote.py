"""A session on a Spark Connect server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.failures import reason
from petafit.spark.releases import check_version
from petafit.spark.start import require_answer

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

VARIABLE = "SPARK_REMOTE"
"""Spark's own environment variable for the server's URL."""

_MODE = "SPARK_CONNECT_MODE_ENABLED"
"""By it PySpark makes all columns and frames of a process those of Spark Connect."""

_HINT = (
    "Check `spark.remote`, that the server is up, of this version of Spark, and open to this "
    "machine."
)


def server_url(settings: Settings) -> str | None:
    """Return the URL of the Spark Connect server that a session is to be on; None without one."""
    return settings.spark.remote or (None if settings.spark.master else os.environ.get(VARIABLE))


@contextmanager
def connected(url: str) -> Iterator[SparkSession]:
    """Open a session on a Spark Connect server, for the duration of the block.

    Raises
    ------
    ConfigurationError
        A package of the client is missing, or no server that petafit can use answers.
    """
    import pyspark
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    check_version(pyspark.__version__, connect=True)
    require_answer(url, what="Spark Connect server", hint=_HINT)
    mode = os.environ.get(_MODE)
    try:
        try:
            session = SparkSession.builder.remote(url).create()
            version = session.version
        except (ImportError, SystemExit) as error:  # it exits where it sees a program of `-c`
            raise ConfigurationError(
                "The client of Spark Connect lacks a package",
                got=reason(error) if isinstance(error, ImportError) else None,
                hint="Run `pip install 'pyspark[connect]'`.",
            ) from error
        except PySparkException as error:
            raise ConfigurationError(
                "The Spark Connect server refuses the session", got=reason(error), hint=_HINT
            ) from error
        try:
            check_version(version, connect=True)
            yield session
        finally:
            session.stop()
    finally:
        if mode is None:  # else this process could build no session of its own afterwards
            os.environ.pop(_MODE, None)


def is_remote(session: SparkSession) -> bool:
    """Return whether a session is on a Spark Connect server."""
    return "connect" in type(session).__module__
