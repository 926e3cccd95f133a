"""Spark's failures as one sentence each; its stack traces stay in the cause of what is raised."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from petafit import errors
from petafit.errors import ConfigurationError, PetafitError

_CAUSES = (
    re.compile(r"^Caused by: (.+)$", re.MULTILINE),
    re.compile(r"\(TID \d+\) \([^)]*\): (.+)$", re.MULTILINE),
    re.compile(r"^: (.+)$", re.MULTILINE),
)
"""Where the JVM names a cause, the innermost first."""

_PYTHON = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$", re.MULTILINE
)
"""The last line of a Python worker's traceback."""

_OURS = re.compile(r"(?:petafit\.errors\.|\b)(\w+Error): (.+)", re.DOTALL)

_DECORATION = re.compile(
    r"^(?:[\w$]+\.)*[\w$]*(?:Exception|Error): |^requirement failed: |^\[[A-Z_.]+\] "
    r"|\s*SQLSTATE: \w+\s*$"
)
"""A class, a condition's name, a standard's code."""

_BROKEN = re.compile(
    r"OutOfMemoryError|ExecutorLostFailure|Lost executor|SparkContext was shut ?down"
    r"|Python worker exited|Answer from Java side is empty|Connection (?:refused|reset)"
)
"""Signs that a process ended, whatever it was asked to do."""


def reason(error: BaseException) -> str:
    """The innermost cause that an error of Spark's names, in one line and without codes.

    Examples
    --------
    >>> reason(Exception("An error occurred.\\n: org.apache.spark.SparkException: Too many."))
    'Too many.'
    """
    text = str(error).strip()
    lines = _PYTHON.findall(text) or next(filter(None, (c.findall(text) for c in _CAUSES)), [])
    found = lines[-1] if lines else text.partition("\n")[0]
    while (shorter := _DECORATION.sub("", found)) != found and shorter:
        found = shorter
    return " ".join(found.split())


@contextmanager
def in_one_sentence(
    what: str, *, kind: type[PetafitError] = ConfigurationError, hint: str = ""
) -> Iterator[None]:
    """Raise whatever Spark raises in the block as one of petafit's own errors.

    Parameters
    ----------
    what : str
        What was being done.
    kind : type
        The error where Spark refuses; a process that ended is a `PetafitError` in any case.
    hint : str
        What to do where Spark refuses.

    Raises
    ------
    PetafitError
        Of `kind`, or what petafit itself has raised in a worker.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise _own(error) or _translated(error, what, kind, hint) from error


def _own(error: Exception) -> PetafitError | None:
    """What petafit has raised in a Python worker."""
    for line in reversed(_PYTHON.findall(str(error))):
        found = _OURS.match(line)
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, PetafitError):
            return kind(found[2])
    return None


def _translated(error: Exception, what: str, kind: type[PetafitError], hint: str) -> PetafitError:
    if _BROKEN.search(str(error)):
        return PetafitError(
            f"{what}: a process of Spark's ended",
            got=reason(error).rstrip("."),
            hint="It may lack memory: see `spark.driver.memory` and `spark.executor.memory`.",
        )
    return kind(what, got=reason(error).rstrip("."), hint=hint)
