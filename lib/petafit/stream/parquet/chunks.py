"""Selection and location of column chunks that are decoded from their pages."""

import re
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.stream.parquet.dictionary_column import CodedColumn
from petafit.stream.parquet.pages import CODECS, check_count, read_pages
from petafit.table.parquet.column_chunks import is_dictionary
from petafit.table.parquet.snapshot import OpenFile

_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
_ODD_WRITERS = re.compile(r"parquet-cpp version [01]\.|parquet-mr version 1\.([01]\.|2\.[0-8]\b)")
"""Writers whose files pyarrow reads by special rules: compressed pages marked as uncompressed
(ARROW-10353), and sizes that omit the dictionary page's header (PARQUET-816).
"""
_HOLE_BYTES = 1 << 20
"""Gap to read in vain rather than send another request to an object store."""
_REQUEST_BYTES = 32 << 20
_REQUESTS = 8
"""Number of concurrent requests."""


def coded_columns(file: OpenFile, group: int, names: Collection[str]) -> dict[str, CodedColumn]:
    """Return the named columns of a row group that can be decoded from their pages.

    They are string columns as written by common writers; pyarrow reads all others.
    """
    footer, wanted = file.footer.row_group(group), set(names).intersection(file.dictionaries)
    chunks = {}
    for number in range(0 if _is_odd(file) else footer.num_columns):
        chunk, column = footer.column(number), file.footer.schema.column(number)
        if column.path in wanted and _is_coded(chunk, column):
            chunks[column.path] = (chunk, column.max_definition_level > 0)
    found = _fetched(file, [_place(chunk) for chunk, _ in chunks.values()])
    return {
        name: CodedColumn(
            read_pages(
                stream,
                place,
                codec=chunk.compression,
                nullable=nullable,
                plain_bytes=chunk.total_uncompressed_size,
            ),
            footer.num_rows,
        )
        for (name, (chunk, nullable)), (stream, place) in zip(chunks.items(), found, strict=True)
    }


def check_others(file: OpenFile, group: int, names: Collection[str]) -> None:
    """Check the pages of columns that pyarrow reads, if that needs no further request.

    Raises
    ------
    pyarrow.ArrowInvalid
        Their number of values differs from the footer's.
    """
    footer = file.footer.row_group(group)
    is_looked_at = names and file.is_local and not _is_odd(file)
    for number in range(footer.num_columns if is_looked_at else 0):
        chunk = footer.column(number)
        path = chunk.path_in_schema
        if path in names or path.partition(".")[0] in names:
            try:
                check_count(file.stream, _place(chunk), chunk.num_values)
            except pa.ArrowException as error:
                raise pa.ArrowInvalid(f"column {path!r} has {error}") from error


def _is_odd(file: OpenFile) -> bool:
    return bool(_ODD_WRITERS.match(file.footer.created_by or ""))


def _is_coded(chunk: pq.ColumnChunkMetaData, column: pq.ColumnSchema) -> bool:
    flat = column.path == column.name and column.max_repetition_level == 0
    encodings = set(chunk.encodings)
    # BIT_PACKED beside RLE encodes repetition levels, which flat columns do not have; alone, it
    # encodes definition levels.
    old_levels = "BIT_PACKED" in encodings and "RLE" not in encodings
    return bool(
        is_dictionary(chunk)
        and flat
        and column.max_definition_level <= 1
        and not (column.max_definition_level and old_levels)
        and chunk.compression in CODECS
        and encodings <= _ENCODINGS
    )


def _place(chunk: pq.ColumnChunkMetaData) -> range:
    """Return the byte range of all pages; some writers give the dictionary's offset as data's."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < start:
        start = chunk.dictionary_page_offset
    return range(start, start + chunk.total_compressed_size)


def _fetched(file: OpenFile, places: Sequence[range]) -> list[tuple[pa.NativeFile, range]]:
    """Return the source of each byte range, and its offset there.

    Local files are read on demand; object stores are read in few requests.
    """
    if file.is_local or not places:
        return [(file.stream, place) for place in places]
    requests: list[range] = []
    for place in sorted(places, key=lambda place: place.start):
        if requests and _are_near(requests[-1], place):
            requests.append(range(requests.pop().start, place.stop))
        else:
            requests.append(place)
    with ThreadPoolExecutor(min(len(requests), _REQUESTS)) as threads:
        answers = list(
            threads.map(lambda part: file.stream.read_at(len(part), part.start), requests)
        )
    return [
        (pa.BufferReader(answer), range(place.start - part.start, place.stop - part.start))
        for place in places
        for answer, part in zip(answers, requests, strict=True)
        if part.start <= place.start < part.stop
    ]


def _are_near(request: range, place: range) -> bool:
    hole = place.start - request.stop
    return hole <= _HOLE_BYTES and place.stop - request.start <= _REQUEST_BYTES
