"""Capacity of a session: concurrent tasks, attempts, executors, its driver's memory."""

from __future__ import annotations

import os
import re
import socket
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from petafit.spark.conf import number_of, value_of
from petafit.spark.remote import is_remote
from petafit.spark.settings import ATTEMPTS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_SLOTS = 100_000


def slots(session: SparkSession) -> int:
    """Return the number of concurrent tasks.

    It is derived from the requested executors, else from those that have registered; 2 if neither
    is known.
    """
    executors = number_of(session, "spark.executor.instances")
    cores = executors * max(1, number_of(session, "spark.executor.cores"))
    if cores and not value_of(session, "spark.master").startswith("local"):
        return max(1, cores // max(1, number_of(session, "spark.task.cpus")))
    if is_remote(session):
        return _parallelism_of_server(session)
    try:
        return session.sparkContext.defaultParallelism
    except (NotImplementedError, AttributeError):
        return 2


def task_cores(session: SparkSession) -> int:
    """Return the number of cores of one task."""
    return max(1, number_of(session, "spark.task.cpus"))


def driver_address(session: SparkSession) -> str | None:
    """Return the driver's IP address as executors know it; None if only its host knows."""
    if value_of(session, "spark.master").startswith("local"):
        return "127.0.0.1"
    host = "" if is_remote(session) else value_of(session, "spark.driver.host")
    return socket.gethostbyname(host) if host else None


@lru_cache(maxsize=1)
def _parallelism_of_server(session: SparkSession) -> int:
    """Count the partitions that a server makes of a range: its default parallelism."""
    from pyspark.sql import functions as F  # noqa: N812

    return session.range(_MOST_SLOTS).select(F.spark_partition_id()).distinct().count()


def task_attempts(session: SparkSession) -> int:
    """Return the number of attempts of a task before Spark gives up."""
    master = value_of(session, "spark.master")
    if master.startswith("local"):
        attempts = re.fullmatch(r"local\[[^,]+,\s*(\d+)\]", master)
        return int(attempts[1]) if attempts else 1
    return number_of(session, "spark.task.maxFailures") or ATTEMPTS


def lacks_executors(session: SparkSession) -> bool:
    """Return whether a cluster session has no executor yet, as far as can be known."""
    try:
        context = session.sparkContext
        return (
            not value_of(session, "spark.master").startswith("local")
            and context._jsc.sc().getExecutorMemoryStatus().size() == 1  # the driver itself
        )
    except (NotImplementedError, AttributeError):
        return False


def jvm_peak_memory(session: SparkSession) -> int | None:
    """Return the peak memory of the driver's JVM, in bytes; None if unknown."""
    try:
        launched = getattr(session.sparkContext._gateway, "proc", None)
    except (NotImplementedError, AttributeError):
        return None
    process = launched.pid if launched else os.getppid()  # spark-submit's JVM starts this process
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    status = dict(line.split(":", 1) for line in lines)
    if status["Name"].strip() != "java":
        return None
    return int(status["VmHWM"].split()[0]) * 1024
