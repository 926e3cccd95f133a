"""Which columns of a row group are taken from their pages, and where these are."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.stream.coded import CodedColumn
from petafit.stream.pages import read_pages
from petafit.table.parquet import OpenFile

_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD"}
_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
_HOLE_BYTES = 1 << 20
"""What to read for nothing rather than to ask an object store once more."""


def coded_columns(file: OpenFile, group: int, names: Sequence[str]) -> dict[str, CodedColumn]:
    """Those of a row group's named columns that can be taken from their pages.

    They are what common writers make of string columns; pyarrow reads all others.
    """
    footer = file.footer.row_group(group)
    chunks = {}
    for number in range(footer.num_columns):
        chunk, column = footer.column(number), file.footer.schema.column(number)
        if column.name in names and _is_coded(chunk, column, file):
            chunks[column.name] = (chunk, column.max_definition_level > 0)
    found = _fetched(file, [_place(chunk) for chunk, _ in chunks.values()])
    return {
        name: CodedColumn(
            read_pages(stream, place.start, place.stop, codec=_codec(chunk), nullable=nullable),
            footer.num_rows,
        )
        for (name, (chunk, nullable)), (stream, place) in zip(chunks.items(), found, strict=True)
    }


def _is_coded(chunk: pq.ColumnChunkMetaData, column: pq.ColumnSchema, file: OpenFile) -> bool:
    return bool(
        column.path in file.dictionaries
        and column.max_definition_level <= 1
        and column.max_repetition_level == 0
        and chunk.has_dictionary_page
        and chunk.compression in _CODECS
        and _ENCODINGS.issuperset(chunk.encodings)
    )


def _codec(chunk: pq.ColumnChunkMetaData) -> pa.Codec | None:
    return None if chunk.compression == "UNCOMPRESSED" else pa.Codec(chunk.compression.lower())


def _place(chunk: pq.ColumnChunkMetaData) -> range:
    start = chunk.dictionary_page_offset
    return range(start, start + chunk.total_compressed_size)


def _fetched(file: OpenFile, places: Sequence[range]) -> list[tuple[pa.NativeFile, range]]:
    """What to read each place from, and where it is in there.

    Local files are read as the work goes on; what is on an object store comes in few requests.
    """
    if file.is_local:
        return [(file.stream, place) for place in places]
    requests: list[range] = []
    for place in sorted(places, key=lambda place: place.start):
        if requests and place.start - requests[-1].stop <= _HOLE_BYTES:
            requests.append(range(requests.pop().start, place.stop))
        else:
            requests.append(place)
    answers = [
        (pa.BufferReader(file.stream.read_at(len(part), part.start)), part) for part in requests
    ]
    return [
        (answer, range(place.start - part.start, place.stop - part.start))
        for place in places
        for answer, part in answers
        if place.start in part
    ]
