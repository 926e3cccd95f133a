"""Validation of a planned table's footers before Spark scans its files.

Spark reads a column that a Parquet file lacks as null, and some types as others. Direct reading
refuses such a file when opening it; a scan needs this check beforehand.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from petafit.errors import ContractError
from petafit.stream.batches import Tally
from petafit.stream.direct import DirectSource
from petafit.stream.nested import leaf_pairs, twins_within
from petafit.stream.parquet.drift import stored
from petafit.stream.parquet.slices import check_file
from petafit.table.columns import Spellings, canonical
from petafit.table.shards import Slice

_IS = pa.types


def check_footers(
    rows: DirectSource, shard: int, beat: Callable[[int], None], *, case_sensitive: bool = False
) -> dict[str, int]:
    """Check that the footers of a shard's files meet the rules of direct reading.

    Parameters
    ----------
    rows : DirectSource
        The equivalent direct source.
    beat : callable
        Takes the number of files so far.
    case_sensitive : bool
        Column names are case-sensitive in this Spark session.

    Returns
    -------
    dict
        ``rows``, the number of slices of files, and `Tally`'s ``read`` and ``promised``: the rows
        of all row groups, and of the footers.

    Raises
    ------
    StorageError, ContractError
        As `DirectSource.read`; or Spark does not read a column as direct reading does.
    """
    tally, number = Tally(), 0
    for number, part in enumerate(rows.plan.read(shard), start=1):
        _check(part, rows.needed, tally, case_sensitive=case_sensitive)
        beat(number)
    return {"rows": number, "read": tally.read, "promised": tally.promised}


def _check(part: Slice, needed: pa.Schema, tally: Tally, *, case_sensitive: bool) -> None:
    exact = replace(part, exact_names=part.exact_names or case_sensitive)
    found = check_file(exact, needed, tally)
    own = Spellings(() if case_sensitive else found.names)
    for column in stored(needed, part):
        alike = own.alike(column.name) or (column.name,)
        if len(alike) > 1:
            raise _beyond_spark(
                f"Spark cannot distinguish columns of {part.path}", ", ".join(map(repr, alike))
            )
        kind = found.field(alike[0]).type if alike[0] in found.names else column.type
        twins = () if case_sensitive else twins_within(kind, canonical(column.type))
        if twins:
            raise _beyond_spark(
                f"Spark cannot distinguish fields of column {column.name!r} of {part.path}",
                ", ".join(map(repr, twins)),
            )
        pairs = leaf_pairs(kind, canonical(column.type), exact=exact.exact_names)
        if not all(itertools.starmap(_spark_reads, pairs)):
            raise _beyond_spark(f"Spark cannot read column {column.name!r} of {part.path}", kind)


def _spark_reads(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether Spark reads the same as direct reading: no nanoseconds, few types of nulls.

    Arrow stores a column without a type as integers, all of them null.
    """
    if _IS.is_timestamp(found):
        return bool(found.unit != "ns")
    fits = _IS.is_signed_integer(wanted) or _IS.is_float64(wanted) or _IS.is_date(wanted)
    return not _IS.is_null(found) or bool(fits or _IS.is_null(wanted))


def _beyond_spark(what: str, got: object) -> ContractError:
    return ContractError(what, got=got, hint="Set `stream: direct`, which can.")
