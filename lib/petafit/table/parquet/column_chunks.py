"""Metadata of column chunks in a footer: their encodings, and ranges of their values."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.table.columns import canonical
from petafit.table.filters.condition import ValueRange

_DICTIONARIES = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
_OTHER_BITS = 8
"""Bits that a value may take beside its code: a definition level, its share of page headers."""


def stored_as_dictionaries(footer: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    """Return the named columns whose values are dictionary-encoded.

    A writer that finds too many distinct values, often more than 1 MB of them, falls back to plain
    encoding for the rest of a column chunk. Decoding that to a dictionary array builds a dictionary
    and takes three times as long as decoding it to plain values. The first row group represents
    all, which came from the same writer; columns that it lacks are returned, too.
    """
    if footer.num_row_groups == 0:
        return list(names)
    group = footer.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    plain = {chunk.path_in_schema for chunk in chunks if not is_dictionary(chunk)}
    return [name for name in names if name not in plain]


def is_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    """Return whether nearly all values of a column chunk are dictionary indices.

    Footers do not record it, but an index takes no more bits than the number of values has, while a
    plain text takes 32 for its length alone. Only the compressed size of the dictionary page is
    known: its compression ratio is assumed to be that of the chunk.
    """
    if _DICTIONARIES.isdisjoint(chunk.encodings):
        return False
    dictionary = 0
    if chunk.has_dictionary_page:
        dictionary = chunk.data_page_offset - chunk.dictionary_page_offset
    share = 1 - dictionary / max(chunk.total_compressed_size, 1)
    bits = 8 * chunk.total_uncompressed_size * share
    return bool(bits <= chunk.num_values * (chunk.num_values.bit_length() + _OTHER_BITS))


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
