"""Start of Spark: the master answers, the JVM gets its settings, repeated errors are silenced."""

import logging
import os
import re
import shlex
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from petafit.errors import ConfigurationError
from petafit.spark.failures import reason, refused

# Spark asks for the module where it exists, and the JVM remarks on it at every start.
_REMARK = b"Using incubator modules: jdk.incubator.vector"

_FAILURE = re.compile(
    rb"Exception in thread|Caused by: |\s+at |\s*\.\.\. \d+ more|Error: |Error occurred |Invalid "
    rb"|Conflicting |Improperly |Unrecognized |Too small |Initial heap size "
)
"""First words of lines in which Java, or Spark's launcher, reports why it does not start."""

_LAST_WORDS_SECONDS = 5.0

_LOGGERS_AT_START = (
    "io.fabric8.kubernetes",
    "org.apache.spark.SparkContext",
    "org.apache.spark.deploy",
    "org.apache.spark.metrics.MetricsSystem",
    "org.apache.spark.network",
    "org.apache.spark.rpc",
    "org.apache.spark.scheduler",
    "org.apache.spark.util.Utils",
)

_LOGGERS_OF_FAILURES = (
    "org.apache.spark.executor.Executor",
    "org.apache.spark.ml.util.Instrumentation",
    "org.apache.spark.scheduler.TaskSetManager",
    "org.apache.spark.sql.execution.python",
    "org.apache.spark.storage.BlockManager",
)

_LOGGERS_OF_QUERIES = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")
"""PySpark's own, in Python."""

_ANSWER_SECONDS = 5.0
_SCHEMES = {"spark://": None, "k8s://": 443, "sc://": 15002}
"""The beginning of a URL that names hosts, and its default port."""

MASTER_HINT = (
    "Check `spark.master`, that the master is up, of this version of Spark, and open to this "
    "machine; `--set spark.master='local[*]'` needs none."
)


def start_jvm(settings: Mapping[str, str]) -> dict[str, str]:
    """Start the JVM, unless spark-submit or an earlier session did, and return its settings.

    Parameters
    ----------
    settings : mapping of str to str
        Spark settings, without effect if the JVM is already running.

    Returns
    -------
    dict of str to str
        Settings from spark-submit, ``spark-defaults.conf`` and, if it is started here, `settings`.

    Raises
    ------
    ConfigurationError
        It does not start with these settings.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException

    options = [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
    given = os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
    arguments = {"PYSPARK_SUBMIT_ARGS": f"{shlex.join(options)} {given}"}
    stderr = _Stderr()
    try:
        with environment(arguments), stderr.given():
            SparkContext._ensure_initialized()  # public calls that start the JVM came with 4.0
    except PySparkException as error:
        raise refused(settings, reason(Exception(stderr.failure or "no word of it"))) from error
    return dict(SparkConf().getAll())


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables within the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Stderr:
    """Forwards the JVM's output to the terminal, without `_REMARK`.

    While it starts, lines that report a failure are held back: they are passed on where it starts
    all the same, and are the reason of the error where it does not.
    """

    def __init__(self) -> None:
        self._held: list[bytes] | None = []

    @property
    def failure(self) -> str:
        """Return the withheld lines."""
        return b"".join(self._held or ()).decode(errors="replace")

    @contextmanager
    def given(self) -> Iterator[None]:
        """Redirect the stderr of processes started in the block, for as long as they live."""
        terminal = os.dup(2)
        lines, pipe = os.pipe()
        os.dup2(pipe, 2)
        os.close(pipe)
        forwarding = threading.Thread(target=self._forward, args=(lines, terminal), daemon=True)
        forwarding.start()
        started = False
        try:
            yield
            started = True
        finally:
            os.dup2(terminal, 2)
            if started:
                held, self._held = self._held or [], None
                os.write(2, b"".join(held))
            else:
                forwarding.join(_LAST_WORDS_SECONDS)

    def _forward(self, source: int, target: int) -> None:
        with open(source, "rb") as lines, open(target, "wb", buffering=0) as terminal:
            for line in lines:
                held = self._held
                if held is not None and _FAILURE.match(line):
                    held.append(line)
                elif _REMARK not in line:
                    terminal.write(line)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep Spark from logging why it does not start, which is the error that is raised.

    Each component logs the same failure with its own stack trace, and some go on until the process
    ends: what is silenced stays so where the block fails.
    """
    before = {name: _set_level(name, "OFF") for name in _LOGGERS_AT_START}
    yield
    for name, level in before.items():
        _set_level(name, level)


def silence_failures() -> None:
    """Turn off the loggers of Spark whose reports of failed tasks repeat the error that is raised.

    A task that fails and is tried again prints a hundred lines of Java's stack traces otherwise.
    """
    for name in _LOGGERS_OF_FAILURES:
        _set_level(name, "OFF")


@contextmanager
def quiet_queries() -> Iterator[None]:
    """Keep PySpark from printing the failure of a query, which is the error that is raised."""
    try:
        from pyspark.logger import PySparkLogger
    except ImportError:  # before 4.0 it prints none
        yield
        return
    loggers = [PySparkLogger.getLogger(name) for name in _LOGGERS_OF_QUERIES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _set_level(name: str, level: str | None) -> str | None:
    """Give a logger a level, or its parent's; returns the one it had of its own."""
    from pyspark import SparkContext

    jvm: Any = SparkContext._jvm
    log4j = jvm.org.apache.logging.log4j
    context = log4j.core.LoggerContext.getContext(False)
    before = context.getConfiguration().getLoggers().get(name)
    own = before.getLevel().toString() if before is not None else None
    if level is None:
        context.getConfiguration().removeLogger(name)
        context.updateLoggers()
    else:
        log4j.core.config.Configurator.setLevel(name, log4j.Level.getLevel(level))
    return own


def require_answer(master: str, *, what: str = "Spark master", hint: str = MASTER_HINT) -> None:
    """Refuse a standalone or Kubernetes master, or a Connect server, that takes no connection.

    Spark itself asks for a minute or more, and ends in an error of something else.

    Raises
    ------
    ConfigurationError
        None of the addresses that the URL names can be connected to.
    """
    failed = {}
    for host, port in addresses(master):
        try:
            socket.create_connection((host, port), timeout=_ANSWER_SECONDS).close()
        except OSError as error:
            failed[f"{host}:{port}"] = error.strerror or str(error)
        else:
            return
    if failed:
        raise ConfigurationError(
            f"No {what} answers at {', '.join(failed)}",
            got="; ".join(dict.fromkeys(failed.values())),
            hint=hint,
        )


def addresses(master: str) -> list[tuple[str, int]]:
    """Return the hosts and ports in a URL; none if Spark itself must judge it.

    Examples
    --------
    >>> addresses("spark://a:7077,b:7078"), addresses("k8s://https://a"), addresses("yarn")
    ([('a', 7077), ('b', 7078)], [('a', 443)], [])
    >>> addresses("sc://a/;use_ssl=true")
    [('a', 15002)]
    """
    scheme = next((scheme for scheme in _SCHEMES if master.startswith(scheme)), None)
    if scheme is None or (scheme != "spark://" and _behind_proxy()):
        return []
    addresses = []
    for part in master.removeprefix(scheme).split(","):
        url = urlsplit(part if "://" in part else f"//{part}")
        try:
            port = url.port or (80 if url.scheme == "http" else _SCHEMES[scheme])
        except ValueError:
            return []
        if not url.hostname or port is None:
            return []
        addresses.append((url.hostname, port))
    return addresses


def _behind_proxy() -> bool:
    """Return whether Spark's clients of Kubernetes and of Spark Connect may use a proxy."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "grpc_proxy")
    return any(os.environ.get(name) for name in names)
