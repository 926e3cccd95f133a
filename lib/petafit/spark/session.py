"""The only place that builds a SparkSession; it is passed on, never looked up."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from petafit.config.settings import Settings
from petafit.config.submit import as_text, check_deploy_mode
from petafit.errors import ConfigurationError
from petafit.messages import redact
from petafit.spark.conf import value_of
from petafit.spark.failures import reason, refused
from petafit.spark.java import require_java
from petafit.spark.releases import check_version
from petafit.spark.remote import connected, is_remote, server_url
from petafit.spark.room import require_room
from petafit.spark.settings import (
    CATALOG,
    EXTENSIONS,
    build_settings,
    check_values,
    launch_settings,
    secret_settings,
    session_settings,
)
from petafit.spark.start import (
    MASTER_HINT,
    environment,
    quiet_queries,
    quiet_start,
    require_answer,
    silence_failures,
    start_jvm,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_log = logging.getLogger(__name__)

_FILE = re.compile(r"^file:/+")


@contextmanager
def open_session(
    settings: Settings, *, app_name: str, given: SparkSession | None = None
) -> Iterator[SparkSession]:
    """Yield a session with petafit's settings, for the duration of the block.

    A session that is given, or that the platform started before, gets petafit's ``spark.sql.*``
    settings, has its own restored at the end, and is not stopped. One built here, or opened on the
    Spark Connect server that the settings name, is stopped.

    Raises
    ------
    ConfigurationError
        Spark or Java is missing, Spark does not start with these settings, or no worker of its
        cluster has room for an executor.
    """
    with quiet_queries(), _opened(settings, app_name, given) as session:
        yield session


@contextmanager
def _opened(
    settings: Settings, app_name: str, given: SparkSession | None
) -> Iterator[SparkSession]:
    session = given or _running()
    if session is not None:
        check_version(session.version, connect=is_remote(session))
        with _lent(session, session_settings(settings)):
            _report_ignored(session, settings)
            require_room(session)
            yield session
        return
    if (url := server_url(settings)) is not None:
        with connected(url) as session, _lent(session, session_settings(settings)):
            _report_ignored(session, settings)
            yield session
        return
    session = _build(settings, app_name)
    try:
        _report_ignored(session, settings)
        require_room(session)
        yield session
    finally:
        session.stop()


def delta_available(session: SparkSession) -> bool:
    """Return whether the session reads and writes Delta tables."""
    configured = value_of(session, EXTENSIONS) + value_of(session, CATALOG)
    return "delta" in configured or "DATABRICKS_RUNTIME_VERSION" in os.environ


def require_delta(session: SparkSession) -> None:
    """Refuse a session without Delta.

    Raises
    ------
    ConfigurationError
        Delta's jars are not in Spark's folder, and the platform does not provide Delta.
    """
    if not delta_available(session):
        raise ConfigurationError(
            "This Spark cannot read or write Delta tables: it lacks Delta's jars",
            hint="Get them with `python -m petafit.spark.provision`, or use Parquet tables.",
        )


def case_sensitive(session: SparkSession) -> bool:
    """Return whether column names are case-sensitive in the session."""
    # with a default, which must be of the setting's type, Spark refuses "" where it is not set
    return session.conf.get("spark.sql.caseSensitive") == "true"


def _running() -> SparkSession | None:
    try:
        import pyspark
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ConfigurationError(
            "Spark is not installed",
            hint="Run `pip install 'petafit[spark]'`, or use the engine that needs no Spark: "
            "`--set engine=local`.",
        ) from error
    check_version(pyspark.__version__)
    try:
        return SparkSession.active()
    except PySparkRuntimeError:
        return None


def _build(settings: Settings, app_name: str) -> SparkSession:
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    check_deploy_mode(settings)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # else spark-submit found Java
        require_answer(settings.spark.master or "")
        require_java()
    # A local driver is not for other users of the network.
    with environment(_if_local(settings.spark.master, "SPARK_LOCAL_IP", "127.0.0.1")):
        standing = start_jvm(launch_settings(settings))
    asked = standing | as_text(settings.spark.submit) | session_settings(settings)
    check_values(asked)
    master = standing.get("spark.master", "")
    if master != settings.spark.master:
        require_answer(master)
    builder = SparkSession.builder.appName(app_name).config(
        map={
            **secret_settings(settings),
            **build_settings(standing),
            **{f"spark.hadoop.{k}": v for k, v in settings.storage.hadoop_settings().items()},
            **session_settings(settings),
        }
    )
    try:
        with environment(_workers_python(master, standing)), quiet_start():
            session = builder.getOrCreate()
            value_of(session, "spark.master")  # it takes its settings at the first question
    except (PySparkException, Py4JError) as error:
        if SparkContext._active_spark_context is not None:
            SparkContext._active_spark_context.stop()
        if master.startswith("spark://") and "stopped SparkContext" in str(error):
            raise ConfigurationError(
                f"{master} does not answer as a Spark master", hint=MASTER_HINT
            ) from error
        raise refused(asked, reason(error)) from error
    if master.startswith("local"):
        silence_failures()
    return session


@contextmanager
def _lent(session: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Set the wanted values, and restore all former ones at the end."""
    from pyspark.errors import IllegalArgumentException, PySparkException

    before: dict[str, str | None] = {}
    try:
        for name, value in wanted.items():
            old = session.conf.get(name, None)
            try:
                session.conf.set(name, value)
            except IllegalArgumentException as error:
                raise refused({name: value}, reason(error)) from error
            except PySparkException as error:
                shown = redact(value, key=name)
                _log.warning("this Spark session does not take %s=%s: %s", name, shown, error)
            else:
                before[name] = old
        yield
    finally:
        for name, old in before.items():
            if old is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, old)


def _report_ignored(session: SparkSession, settings: Settings) -> None:
    if settings.spark.remote is not None and not is_remote(session):
        _log.warning("Spark was started before, and is not on the server of spark.remote")
    ignored = [
        name
        for name, value in as_text(settings.spark.submit).items()
        if not _parts(value) <= _parts(value_of(session, name))
    ]
    if ignored:
        _log.warning(
            "Spark was started before, without these settings of spark.submit: %s",
            ", ".join(ignored),
        )


def _parts(value: str) -> set[str]:
    """Return the parts of a list, since Spark adds to its jars, and completes their addresses."""
    return {_FILE.sub("/", part) for part in value.split(",")}


def _if_local(master: str | None, variable: str, value: str) -> dict[str, str]:
    """Set an environment variable for local masters, unless it is already set."""
    local = (master or "").startswith("local")
    return {variable: os.environ.get(variable, value)} if local else {}


def _workers_python(master: str, standing: Mapping[str, str]) -> dict[str, str]:
    """Name the workers' Python as spark-submit does: pyspark itself reads only the variable."""
    given = standing.get("spark.pyspark.python")
    if given and not master.startswith("local"):
        return {"PYSPARK_PYTHON": os.environ.get("PYSPARK_PYTHON", given)}
    return _if_local(master, "PYSPARK_PYTHON", sys.executable)
