"""Conversion of Spark's failures to one sentence each; stack traces stay in the cause."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from petafit import errors
from petafit.errors import ConfigurationError, ContractError, PetafitError
from petafit.messages import HIDDEN, holds_secret, redact

_CAUSES = (
    re.compile(r"^Caused by: (.+)$", re.MULTILINE),
    re.compile(r"\(TID \d+\) \([^)]*\): (.+)$", re.MULTILINE),
    re.compile(r"^: (.+)$", re.MULTILINE),
)
"""Positions of causes in a JVM stack trace, the innermost first."""

_PYTHON = re.compile(
    r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$", re.MULTILINE
)
"""The last line of a Python worker's traceback."""

_OURS = re.compile(r"(?:petafit\.errors\.|\b)(\w+Error): (.+)", re.DOTALL)

_DECORATION = re.compile(
    r"^Exception in thread \"[^\"]*\" |^(?:[\w$]+\.)*[\w$]*(?:Exception|Error): "
    r"|^requirement failed: |^\[[A-Z_.]+\] |\s*SQLSTATE: \w+\s*$"
)
"""A class name, a condition's name, a standard's code."""

_PLACE = re.compile(r"\s*SQLSTATE: \w+; (line \d+ pos \d+);?\s*$")
"""The place in a query behind a standard's code."""

_LOST_TASK = re.compile(
    r"Task (?P<number>\d+) in stage \S+ failed (?P<times>\d+) times.*?\(TID \d+\) \((?P<host>\S+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Sign:
    """The meaning of a kind of failure, whatever the operation, and its remedy."""

    pattern: str
    what: str
    hint: str
    kind: type[PetafitError] = PetafitError


_SIGNS = (
    _Sign(
        r"SPARK-24942|arrier execution mode does not support dynamic resource allocation",
        "Spark does not start workers together where their number may change",
        "Set `spark.submit: {spark.dynamicAllocation.enabled: false}` and a number of executors.",
        ConfigurationError,
    ),
    _Sign(
        r"SPARK-24819|[Bb]arrier execution mode does not allow run",
        "Spark has fewer slots than workers that need each other",
        "Lower `training.shards`, or give Spark more executors or cores.",
        ConfigurationError,
    ),
    _Sign(
        r"No module named '(?:petafit|numba|deltalake|pydantic)\b",
        "The workers' Python lacks petafit, or a package that it needs",
        "Install petafit in the Python of every worker (`spark.pyspark.python`), or ship an "
        "environment that holds it with `spark-submit --archives`.",
        ConfigurationError,
    ),
    _Sign(
        r"S3AFileSystem not found|No FileSystem for scheme \"s3",
        "Spark lacks the jars that read s3a://",
        "Get them with `python -m petafit.spark.provision --storage s3`, or name `hadoop-aws` of "
        "Spark's own Hadoop version in `spark.jars.packages` of `spark.submit`; or let the workers "
        "read: `stream: direct`.",
        ConfigurationError,
    ),
    _Sign(
        r"LogicalType\.getSetField\(\)\" is null",
        "A Parquet file has a column of a type that this Spark does not know, such as float16",
        "Spark 3.5 then reads no column of the file: set `stream: direct`, or use Spark 4.0.",
        ConfigurationError,
    ),
    _Sign(
        r"DATA_SOURCE_NOT_FOUND|Failed to find data source",
        "This Spark lacks the format",
        "Correct `format`, or add what reads it by `spark.submit: {spark.jars.packages: ...}`: "
        "avro org.apache.spark:spark-avro_2.13 of Spark's own version, iceberg "
        "org.apache.iceberg:iceberg-spark-runtime of Spark's release.",
        ConfigurationError,
    ),
    _Sign(
        r"No suitable driver|ClassNotFoundException: \S*Driver",
        "This Spark lacks the database's driver",
        "Add it by `spark.submit: {spark.jars.packages: ...}`, such as "
        "org.postgresql:postgresql:42.7.7, and name its class in `options: {driver: ...}`.",
        ConfigurationError,
    ),
    _Sign(
        r"FAILED_EXECUTE_UDF\] (?:User defined function|Failed to execute user defined function)"
        r" \(`\w+\$\$Lambda",
        "A stage of Spark ML cannot take a row",
        "Let the stage take such rows (`handleInvalid`), or leave them out by `table.filter`.",
        ContractError,
    ),
    _Sign(
        r"Python worker exited unexpectedly|Python worker .*crashed|SIGKILL",
        "A Python worker died",
        "Most often it was killed for its memory: run fewer tasks at a time on a machine "
        "(`local[1]`, `spark.executor.cores`), raise `spark.executor.memoryOverhead`, or lower "
        "`hash_bits`. The same run id resumes the run.",
    ),
    _Sign(
        r"OutOfMemoryError",
        "Spark's JVM ran out of memory",
        "Raise `spark.driver.memory` or `spark.executor.memory`. The same run id resumes the run.",
    ),
    _Sign(
        r"ExecutorLostFailure|Lost executor|SparkContext was shut ?down"
        r"|Answer from Java side is empty|Connection (?:refused|reset)",
        "A process of Spark's ended",
        "It may have lacked memory: see `spark.driver.memory`, `spark.executor.memory` and "
        "`spark.executor.memoryOverhead`. The same run id resumes the run.",
    ),
)


def reason(error: BaseException) -> str:
    """Return the innermost cause named in an error of Spark, in one line and without codes.

    Examples
    --------
    >>> reason(Exception("An error occurred.\\n: org.apache.spark.SparkException: Too many."))
    'Too many.'
    >>> reason(Exception("[UNRESOLVED] There is no `a`. SQLSTATE: 42703; line 3 pos 7;"))
    'There is no `a`. (line 3 pos 7)'
    """
    text = str(error).strip()
    lines = _PYTHON.findall(text) or next(filter(None, (c.findall(text) for c in _CAUSES)), [])
    found = lines[-1] if lines else text.partition("\n")[0]
    found = _PLACE.sub(r" (\1)", found)
    while (shorter := _DECORATION.sub("", found)) != found and shorter:
        found = shorter
    return " ".join(found.split())


def refused(settings: Mapping[str, str], why: str) -> ConfigurationError:
    """Return the error for a Spark that does not start, naming the settings in its reason.

    Examples
    --------
    >>> print(refused({"spark.a.memory": "x", "spark.b": "2g"}, "A memory must be a number.").what)
    Spark does not start with spark.a.memory='x'

    Spark 3.5 does not say which setting it refuses; one that is set alone is the one.

    >>> print(refused({"spark.b": "2 apples"}, "Size must be a number.").what)
    Spark does not start with spark.b='2 apples'
    """
    for name, value in settings.items():
        if value and holds_secret(name, value):
            why = why.replace(value, HIDDEN)
    ways = (
        lambda name, _: name in why,
        lambda name, _: re.search(rf"\b{_as_words(name)}\b", why, re.IGNORECASE),
        lambda _, value: len(value) > 1 and value in why,
    )
    named = ([pair for pair in settings.items() if way(*pair)] for way in ways)
    blamed = next(filter(None, named), [*settings.items()] if len(settings) == 1 else [])
    shown = ", ".join(f"{name}={redact(value, key=name)!r}" for name, value in blamed)
    return ConfigurationError(
        f"Spark does not start with {shown or 'these settings'}",
        got=why.rstrip("."),
        hint="Look at `spark:` in what `petafit config` prints.",
    )


def _as_words(name: str) -> str:
    return re.escape(name.removeprefix("spark.").replace(".", " "))


@contextmanager
def in_one_sentence(
    what: str,
    *,
    kind: type[PetafitError] = ConfigurationError,
    hint: str = "",
    task: str = "task",
) -> Iterator[None]:
    """Convert any exception of Spark in the block to one of petafit's errors.

    Parameters
    ----------
    what : str
        Description of the operation.
    kind : type
        The error class if Spark refuses; a dead process is a `PetafitError` in any case.
    hint : str
        Hint if Spark refuses.
    task : str
        Name of the unit of work of a Spark task.

    Raises
    ------
    PetafitError
        Of `kind`, or an error that petafit itself has raised in a worker.
    KeyboardInterrupt
        The block was interrupted, whatever Spark's client made of that.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if _follows_interrupt(error):
            raise KeyboardInterrupt from error
        known = _own(error) or _explained(error, task)
        raise known or kind(what, got=reason(error).rstrip("."), hint=hint) from error


def _follows_interrupt(error: BaseException | None) -> bool:
    """Return whether an error came up while an interrupt was on its way."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _own(error: Exception) -> PetafitError | None:
    """Return an error raised by petafit in a Python worker, if any."""
    for line in reversed(_PYTHON.findall(str(error))):
        found = _OURS.match(line)
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, PetafitError):
            return kind(found[2])
    return None


def _explained(error: Exception, task: str) -> PetafitError | None:
    """Return an error for a failure that is independent of the operation, if it is known."""
    text = str(error)
    sign = next((sign for sign in _SIGNS if re.search(sign.pattern, text)), None)
    if sign is None:
        return None
    lost = None if sign.kind is ContractError else _LOST_TASK.search(text)
    got = "{times} failed attempts at {task} {number}, the last on {host}"
    found = got.format(task=task, **lost.groupdict()) if lost else reason(error).rstrip(".")
    return sign.kind(sign.what, got=found, hint=sign.hint)
