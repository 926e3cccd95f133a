"""The driver's JVM: started with what only a start can set, and without noise."""

import os
import shlex
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Spark asks for the module where it exists, and the JVM remarks on it at every start.
_REMARK = b"Using incubator modules: jdk.incubator.vector"


def start_jvm(settings: Mapping[str, str]) -> dict[str, str]:
    """Start the JVM, unless spark-submit or an earlier session did, and give what it is set to.

    Parameters
    ----------
    settings : mapping of str to str
        Spark settings, of no effect where the JVM runs already.

    Returns
    -------
    dict of str to str
        What spark-submit, ``spark-defaults.conf`` and, where it is started here, `settings` say.
    """
    from pyspark import SparkConf, SparkContext

    options = [part for pair in settings.items() for part in ("--conf", "=".join(pair))]
    given = os.environ.get("PYSPARK_SUBMIT_ARGS", "pyspark-shell")
    arguments = {"PYSPARK_SUBMIT_ARGS": f"{shlex.join(options)} {given}"}
    with environment(arguments), _stderr_without(_REMARK):
        SparkContext.getSystemProperty("spark.master")  # any question to the JVM starts it
    return dict(SparkConf().getAll())


def silence(session: "SparkSession", *loggers: str) -> None:
    """Turn loggers of Spark's off; what they report, the error that is raised says in one line.

    A task that fails and is tried again prints a hundred lines of Java's stack traces otherwise.
    """
    jvm: Any = session.sparkContext._jvm
    log4j = jvm.org.apache.logging.log4j
    for name in loggers:
        log4j.core.config.Configurator.setLevel(f"org.apache.spark.{name}", log4j.Level.OFF)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables that hold inside the block only."""
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


@contextmanager
def _stderr_without(remark: bytes) -> Iterator[None]:
    """Give processes started in the block a stderr that leaves out the lines with a remark."""
    terminal = os.dup(2)
    lines, pipe = os.pipe()
    os.dup2(pipe, 2)
    os.close(pipe)
    threading.Thread(target=_forward, args=(lines, terminal, remark), daemon=True).start()
    try:
        yield
    finally:
        os.dup2(terminal, 2)


def _forward(source: int, target: int, remark: bytes) -> None:
    with open(source, "rb") as lines, open(target, "wb", buffering=0) as terminal:
        for line in lines:
            if remark not in line:
                terminal.write(line)
