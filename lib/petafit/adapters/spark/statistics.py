"""Statistics of a frame for its features, from one pass by Spark."""

from collections.abc import Iterator
from functools import partial, reduce

import pyarrow as pa
from pyspark.sql import DataFrame

from petafit.features.column_statistics import TableStatistics
from petafit.features.profile import Profile
from petafit.spark.failures import in_one_sentence
from petafit.store.arrays import from_bytes, to_bytes
from petafit.stream.scan.stream import ScanSource
from petafit.table.filters.literals import quoted

_SUMMARY = "summary"


def statistics_of(frame: DataFrame, profile: Profile) -> TableStatistics:
    """Return the statistics of all rows of a frame.

    The summaries of its partitions, a few numbers for each numeric column, are merged on the
    driver in the partitions' order.

    Raises
    ------
    EmptyInputError
        There are no rows, or none with weight.
    ContractError
        A column has infinite values, or a weight is missing or negative.
    """
    if profile.known is not None:
        return profile.known
    source = ScanSource.of_frame(frame.select(*map(quoted, profile.columns)))
    numbered, unbound = source.for_tasks()
    with in_one_sentence("Spark cannot read the rows to fit the features to"):
        rows = numbered.mapInArrow(partial(_summarized, profile, unbound), f"{_SUMMARY} binary")
        summaries = [from_bytes(bytes(row[_SUMMARY])) for row in rows.collect()]
    return profile.finish(reduce(profile.merge, summaries, profile.lift(profile.start())))


def _summarized(
    profile: Profile, source: ScanSource, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    state = reduce(profile.reduce, source.receiving(batches).read(0), profile.start())
    summary = pa.array([to_bytes(profile.lift(state))], pa.binary())
    yield pa.RecordBatch.from_arrays([summary], names=[_SUMMARY])
