"""Files that Spark cannot read, by name: damaged ones, and those not as the rest of the table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from petafit.errors import ContractError, StorageError
from petafit.spark.failures import reason

_FAILED_READS = (
    re.compile(
        r"\[FAILED_READ_FILE\.(?P<kind>\w+)\] Encountered error while reading file (?P<file>.+?)\. "
        r"(?P<reason>.*?)\s*SQLSTATE"
    ),
    # Spark 3.5
    re.compile(
        r"Parquet column (?P<kind>cannot be converted) in file (?P<file>.+?)\. "
        r"(?P<reason>Column: .+)"
    ),
    re.compile(
        r"Encountered error while reading file (?P<file>.+?)\. Details:.*?"
        r"(?P<reason>(?P<kind>Unable to create Parquet converter) .+?)\n",
        re.DOTALL,
    ),
    re.compile(r"Exception: (?P<file>\S+) (?P<reason>(?P<kind>is not a Parquet file).*)"),
    re.compile(
        r"Encountered (?P<kind>error) while reading file (?P<file>.+?)\. Details:(?P<reason>)"
    ),
)
_OLD_MISMATCHES = ("cannot be converted", "Unable to create Parquet converter")
_MISMATCHES = ("PARQUET_COLUMN_DATA_TYPE_MISMATCH", *_OLD_MISMATCHES)
_OLD_HINT = (
    "Spark 3.5 reads no types that are narrower than the table's: set `stream: direct`, which "
    "does, or use Spark 4.0 or newer."
)


@contextmanager
def naming_files() -> Iterator[None]:
    """Convert Spark's errors about unreadable files to errors that name the file; others pass.

    Raises
    ------
    ContractError
        A column of the file has another type than in the rest of the table.
    StorageError
        The file is damaged or missing.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        found = next(filter(None, (each.search(str(error)) for each in _FAILED_READS)), None)
        if found is None:
            raise
        why = found["reason"] or reason(error)
        if found["kind"] in _MISMATCHES:
            raise ContractError(
                f"{found['file']} is not as the rest of the table",
                got=why.rstrip("."),
                hint=_OLD_HINT if found["kind"] in _OLD_MISMATCHES else "",
            ) from error
        raise StorageError(
            f"Spark cannot read {found['file']}",
            got=why.rstrip("."),
            hint="It is damaged, still being written, removed meanwhile, or of another format.",
        ) from error
