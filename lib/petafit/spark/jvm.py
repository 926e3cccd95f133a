"""The driver's JVM: start with launch-time settings, and suppression of its noise."""

import os
import re
import shlex
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from petafit.spark.failures import reason, refused

# Spark asks for the module where it exists, and the JVM remarks on it at every start.
_REMARK = b"Using incubator modules: jdk.incubator.vector"

_FAILURE = re.compile(
    rb"Exception in thread|Caused by: |\s+at |\s*\.\.\. \d+ more|Error: |Error occurred |Invalid "
    rb"|Conflicting |Improperly |Unrecognized |Too small |Initial heap size "
)
"""First words of lines in which Java, or Spark's launcher, reports why it does not start."""

_LAST_WORDS_SECONDS = 5.0


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
            SparkContext.getSystemProperty("spark.master")  # any question to the JVM starts it
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

    While it starts, lines that tell of a failure are held back: they are passed on where it starts
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
