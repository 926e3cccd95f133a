"""Value ranges from a row group's statistics, before it is decoded."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.table.filters.condition import ValueRange
from petafit.table.types import canonical


def ranges_of(
    group: pq.RowGroupMetaData, types: Mapping[str, pa.DataType]
) -> dict[str, ValueRange]:
    """Return the ranges of some columns, as far as the statistics contain them.

    Parameters
    ----------
    types : mapping of str to DataType
        The columns, and their types in the table. Numbers, text and points in time have an
        order that statistics and conditions share; others are left out.
    """
    found = {}
    for number in range(group.num_columns if types else 0):
        chunk = group.column(number)
        name = chunk.path_in_schema
        values = _range(chunk.statistics, canonical(types[name])) if name in types else None
        if values:
            found[name] = values
    return found


def _range(statistics: pq.Statistics | None, kind: pa.DataType) -> ValueRange | None:
    if statistics is None or not statistics.has_min_max or not _is_ordered(kind):
        return None
    try:
        least, greatest = (pa.array([v], kind) for v in (statistics.min, statistics.max))
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None  # of another type than the table's, or a time that Python cannot represent
    if statistics.min != statistics.min or statistics.max != statistics.max:
        return None  # NaN is not a bound
    undecided = statistics.null_count != 0 or pa.types.is_floating(kind)  # NaN is not counted
    return ValueRange(least, greatest, nulls=undecided)


def _is_ordered(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_string(kind)
    )
