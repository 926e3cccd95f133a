"""Sound Parquet files of many kinds, and where their pages are."""

import io
from dataclasses import dataclass, replace
from itertools import product
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz import thrift

CODECS = ["none", "snappy", "zstd", "gzip", "lz4"]
_CODEC_OF = {0: None, 1: "snappy", 2: "gzip", 6: "zstd", 7: "lz4_raw"}
ROWS = 240


def table(nullable):
    """Some numbers, and strings that are stored in all the ways there are."""
    rows = range(ROWS)
    hole = 5 if nullable else ROWS + 1

    def holed(values, kind):
        return pa.array([v if (i + 1) % hole else None for i, v in enumerate(values)], kind)

    columns = {
        "id": pa.array(rows, pa.int64()),
        "few": holed([f"v{row % 3}" for row in rows], pa.string()),
        "many": holed([f"value {row * row % 97}" for row in rows], pa.string()),
        "unique": holed([f"{row} of {ROWS}" for row in rows], pa.string()),
        "one": holed(["same"] * ROWS, pa.string()),
        "none": pa.array([None if nullable else ""] * ROWS, pa.string()),
        "real": holed([row / 7 for row in rows], pa.float64()),
        "at": holed([row * 1_000_003 for row in rows], pa.timestamp("us", "UTC")),
        "is_odd": holed([bool(row % 2) for row in rows], pa.bool_()),
    }
    fields = [pa.field(name, values.type, nullable) for name, values in columns.items()]
    return pa.table(columns, pa.schema(fields))


def with_nested(rows):
    """Columns of the footer that are not read."""
    tags = pa.array([["a"] * (row % 3) for row in range(ROWS)])
    pairs = pa.array([{"x": row, "y": [str(row)]} for row in range(ROWS)])
    return rows.append_column("tags", tags).append_column("pairs", pairs)


@dataclass(frozen=True)
class Page:
    """The position of a page: its header, its content, and its column chunk."""

    start: int
    header: thrift.Value
    content_start: int
    stop: int
    codec: str | None
    chunk: int


@dataclass(frozen=True)
class Sound:
    """A file, its footer, and the pages of the columns that are read."""

    name: str
    raw: bytes
    schema: pa.Schema
    footer: thrift.Value
    footer_start: int
    pages: tuple[Page, ...]


def files():
    """All kinds of files."""
    kinds = product(CODECS, ["1.0", "2.0"], [False, True], [False, True])
    for codec, version, checksum, nullable in kinds:
        out = io.BytesIO()
        rows = table(nullable)
        pq.write_table(
            with_nested(rows),
            out,
            compression=codec,
            data_page_version=version,
            write_page_checksum=checksum,
            row_group_size=ROWS // 2,
            max_rows_per_page=50,
            data_page_size=300,
            dictionary_pagesize_limit=500,
            store_schema=nullable,
        )
        name = f"{codec}, pages {version}, nulls {nullable}, checksums {checksum}"
        yield taken_apart(name, out.getvalue(), rows.schema)


def chunks(footer):
    """The ColumnMetaData of all column chunks."""
    for group in thrift.find(footer, 4).content:
        for chunk in thrift.find(group, 1).content:
            yield thrift.find(chunk, 3)


def place(chunk):
    """The start and end of a column chunk."""
    starts = [thrift.find(chunk, number) for number in (9, 11)]
    start = min(value.content for value in starts if value is not None)
    return start, start + thrift.find(chunk, 7).content


def without_checksum(header):
    """The header of a page, with no checksum."""
    return replace(header, content=[field for field in header.content if field[0] != 4])


def with_checksum(header, content):
    """The header of a page, with the content's checksum."""
    number = crc32(content)
    value = thrift.Value(thrift.I32, number - (1 << 32) if number >> 31 else number)
    fields = without_checksum(header).content
    return replace(header, content=sorted([*fields, (4, value)], key=lambda field: field[0]))


def taken_apart(name, raw, schema):
    footer_start = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    footer, end = thrift.parse(raw, footer_start)
    assert end == len(raw) - 8
    assert thrift.dump(footer) == raw[footer_start:end]
    pages = []
    for number, chunk in enumerate(chunks(footer)):
        if thrift.find(chunk, 3).content[0].content.decode() not in schema.names:
            continue
        at, stop = place(chunk)
        codec = _CODEC_OF[thrift.find(chunk, 4).content]
        while at < stop:
            header, content_start = thrift.parse(raw, at)
            end = content_start + thrift.find(header, 3).content
            pages.append(Page(at, header, content_start, end, codec, number))
            at = end
        assert at == stop
    return Sound(name, raw, schema, footer, footer_start, tuple(pages))
