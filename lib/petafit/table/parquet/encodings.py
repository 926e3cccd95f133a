"""How a Parquet file stores its columns, as far as the footer tells."""

from collections.abc import Sequence

import pyarrow.parquet as pq

_DICTIONARIES = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}
_OTHER_BITS = 8
"""What a value may take beside its code: a flag for null, its part of the pages' headers."""


def stored_as_dictionaries(footer: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    """Those of the named columns whose values are codes into a dictionary.

    A writer that meets too many different values, often more than 1 MB of them, stores the rest of
    a column chunk plainly. To decode that as a dictionary is to build one, which takes three times
    as long as to decode it as it is. The first row group speaks for all, which came from the same
    writer; columns that it does not have are given, too.
    """
    if footer.num_row_groups == 0:
        return list(names)
    group = footer.row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    plain = {chunk.path_in_schema for chunk in chunks if not is_dictionary(chunk)}
    return [name for name in names if name not in plain]


def is_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    """Whether nearly all values are codes.

    Footers do not tell it straight, but a code takes fewer bits than the number of values has, and
    a plain text takes 32 for its length alone. The dictionary's own size is known compressed: it is
    taken to have shrunk as the whole chunk has.
    """
    if _DICTIONARIES.isdisjoint(chunk.encodings):
        return False
    dictionary = 0
    if chunk.has_dictionary_page:
        dictionary = chunk.data_page_offset - chunk.dictionary_page_offset
    share = 1 - dictionary / max(chunk.total_compressed_size, 1)
    bits = 8 * chunk.total_uncompressed_size * share
    return bool(bits <= chunk.num_values * (chunk.num_values.bit_length() + _OTHER_BITS))
