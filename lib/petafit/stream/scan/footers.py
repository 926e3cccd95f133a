"""Validation of a planned table's footers before Spark scans its files.

Spark reads a column that a Parquet file lacks as null, and some types as others. Direct reading
refuses such a file when opening it; a scan needs this check beforehand.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Footers:
    """The paths of a plan's files, each returned once its footer meets the rules of direct reading.

    Parameters
    ----------
    rows : DirectSource
        The equivalent direct source.
    case_sensitive : bool
        Column names are case-sensitive in this Spark session.
    """

    rows: DirectSource
    case_sensitive: bool = False

    schema = pa.schema([("path", pa.string())])
    frozen = True
    pieces = range(1)

    @property
    def shards(self) -> int:
        """Number of shards in the plan."""
        return self.rows.shards

    @property
    def identity(self) -> str:
        """Identity of the rows, which are of the same files and columns."""
        return self.rows.identity

    def check(self, tally: Tally, title: str) -> None:
        """Compare the rows of all row groups with the footers'; as `DirectSource.check`."""
        tally.require_equal(title)

    def read(
        self, shard: int, *, piece: int = 0, skip: int = 0, tally: Tally | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield a batch for each slice of a shard; raises like `DirectSource.read`."""
        tally = tally or Tally()
        for number, part in enumerate(self.rows.plan.read(shard)):
            self._check(part, tally)
            if number >= skip:
                yield pa.record_batch([[part.path]], schema=self.schema)
        tally.pieces += 1

    def _check(self, part: Slice, tally: Tally) -> None:
        exact = replace(part, exact_names=part.exact_names or self.case_sensitive)
        found = check_file(exact, self.rows.needed, tally)
        own = Spellings(() if self.case_sensitive else found.names)
        for column in stored(self.rows.needed, part):
            alike = own.alike(column.name) or (column.name,)
            if len(alike) > 1:
                raise _beyond_spark(
                    f"Spark cannot distinguish columns of {part.path}", ", ".join(map(repr, alike))
                )
            kind = found.field(alike[0]).type if alike[0] in found.names else column.type
            twins = () if self.case_sensitive else twins_within(kind, canonical(column.type))
            if twins:
                raise _beyond_spark(
                    f"Spark cannot distinguish fields of column {column.name!r} of {part.path}",
                    ", ".join(map(repr, twins)),
                )
            pairs = leaf_pairs(kind, canonical(column.type), exact=exact.exact_names)
            if not all(itertools.starmap(_spark_reads, pairs)):
                raise _beyond_spark(
                    f"Spark cannot read column {column.name!r} of {part.path}", kind
                )


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
