"""Suppression of driver logs that repeat an error that is raised."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_STARTING = (
    "io.fabric8.kubernetes",
    "org.apache.spark.SparkContext",
    "org.apache.spark.deploy",
    "org.apache.spark.metrics.MetricsSystem",
    "org.apache.spark.network",
    "org.apache.spark.rpc",
    "org.apache.spark.scheduler",
    "org.apache.spark.util.Utils",
)


@contextmanager
def told_once() -> Iterator[None]:
    """Keep Spark from logging why it does not start, which is the error that is raised.

    Each component logs the same failure with its own stack trace, and some go on until the process
    ends: what is silenced stays so where the block fails.
    """
    before = {name: _set_level(name, "OFF") for name in _STARTING}
    yield
    for name, level in before.items():
        _set_level(name, level)


def silence(*loggers: str) -> None:
    """Turn off loggers of Spark whose reports repeat the error that is raised.

    A task that fails and is tried again prints a hundred lines of Java's stack traces otherwise.
    """
    for name in loggers:
        _set_level(f"org.apache.spark.{name}", "OFF")


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
