"""Servers of Spark on the loopback interface, for as long as a block runs."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from petafit.spark.settings import DELTA, has_delta_jars

HOME = Path(pyspark.__path__[0])

# pyspark's own default logs warnings only, and daemons tell by their log what has happened.
LOG = """
rootLogger.level = info
rootLogger.appenderRef.stderr.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %m%n
"""


@contextmanager
def standalone(
    folder: Path, *, workers: int = 1, cores: int = 1, python: str | Path = sys.executable
) -> Iterator[str]:
    """A master and its workers; gives the master's URL, once all workers have registered.

    Parameters
    ----------
    python : str or Path
        The Python of the workers; with another than this process's, they have no PYTHONPATH.
    """
    settings = folder / "log4j2.properties"
    settings.write_text(LOG)
    with ExitStack() as stack:
        options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
        master = stack.enter_context(_daemon("master.Master", options, settings, python))
        url = _waited_for(master, r"Starting Spark master at (spark://\S+)")[1]
        for number in range(workers):
            given = ["--host", "127.0.0.1", "--webui-port", "0", "--cores", str(cores)]
            place = ["--memory", "1g", "--work-dir", str(folder / f"worker-{number}"), url]
            worker = stack.enter_context(
                _daemon("worker.Worker", [*given, *place], settings, python)
            )
            _waited_for(worker, "Successfully registered with master")
        yield url


@contextmanager
def connect_server(folder: Path, *, cores: int = 2) -> Iterator[str]:
    """A Spark Connect server on `local`; gives its URL, once it takes connections."""
    settings = folder / "log4j2.properties"
    settings.write_text(LOG)
    given = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        **(DELTA if has_delta_jars() else {}),
    }
    options = [word for pair in given.items() for word in ("--conf", "=".join(pair))]
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    options += ["--master", f"local[{cores}]", "--class", server]
    with _daemon("SparkSubmit", [*options, "spark-internal"], settings, sys.executable) as process:
        found = _waited_for(process, r"Spark Connect server started at: \S*?:(\d+)")
        yield f"sc://127.0.0.1:{found[1]}"


@contextmanager
def _daemon(
    name: str, options: Sequence[str], log: Path, python: str | Path
) -> Iterator["subprocess.Popen[str]"]:
    command = [HOME / "bin/spark-class", f"org.apache.spark.deploy.{name}", *options]
    environment = os.environ | {
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(python),
        "SPARK_DAEMON_JAVA_OPTS": f"-Dlog4j2.configurationFile={log}",
        "SPARK_SUBMIT_OPTS": f"-Dlog4j2.configurationFile={log}",
    }
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _waited_for(process: "subprocess.Popen[str]", pattern: str) -> re.Match[str]:
    """The first line of a log that has a pattern; what follows is read and dropped."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        found = re.search(pattern, line)
        if found:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return found
    raise AssertionError("".join(seen[-20:]))
