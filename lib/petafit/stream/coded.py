"""String columns that are stored as codes into a dictionary, taken over as they are.

pyarrow puts every text of a dictionary into a hash table of its own, and copies all of them for
every batch: where a column has many values, that takes more time than all else. Here the codes of
the file stay the codes of the batches.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.stream.page_header import DICTIONARY
from petafit.stream.page_kernels import DAMAGED, PADDING, read_runs, split_texts, spread
from petafit.stream.pages import Page, read_pages
from petafit.table.parquet import OpenFile

_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD"}
_ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
_PLAIN, _CODES = 0, (2, 8)
_HOLE_BYTES = 1 << 20
"""What to read for nothing rather than to ask an object store once more."""


class CodedColumn:
    """The rows of a column chunk, from the first on.

    Parameters
    ----------
    pages : iterator of Page
    nullable : bool
    """

    def __init__(self, pages: Iterator[Page], *, nullable: bool) -> None:
        self._pages, self._nullable = pages, nullable
        self._texts = pa.array([], pa.string())
        self._codes, self._valid = np.empty(0, np.int32), np.empty(0, np.uint8)

    def read(self, n_rows: int) -> pa.DictionaryArray:
        """The next rows, as dictionary<int32, string>.

        Raises
        ------
        pyarrow.ArrowInvalid
            A page is damaged, or there are fewer rows.
        """
        codes, valid = np.empty(n_rows, np.int32), np.empty(n_rows, np.uint8)
        done = 0
        while done < n_rows:
            if not len(self._codes):
                self._go_on()
            taken = min(n_rows - done, len(self._codes))
            codes[done : done + taken] = self._codes[:taken]
            valid[done : done + taken] = self._valid[:taken]
            self._codes, self._valid = self._codes[taken:], self._valid[taken:]
            done += taken
        nulls = n_rows - np.count_nonzero(valid)
        bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
        indices = pa.Array.from_buffers(pa.int32(), n_rows, [bits, pa.py_buffer(codes)], nulls)
        return pa.DictionaryArray.from_arrays(indices, self._texts, safe=False)

    def _go_on(self) -> None:
        page = next(self._pages, None)
        if page is None:
            raise pa.ArrowInvalid("a column that ends before its row group does")
        if page.header.kind == DICTIONARY:
            self._texts = _texts(page, page.header.count)
        else:
            self._valid = self._levels(page)
            values = self._values(page, np.count_nonzero(self._valid))
            self._codes = _spread(values, self._valid)

    def _levels(self, page: Page) -> np.ndarray:
        valid = np.ones(page.header.count, np.uint8)
        if self._nullable:
            end = read_runs(page.content, page.levels.start, page.levels.stop, 1, valid)
            _check(end != DAMAGED and page.levels.stop <= page.stop, "levels of nulls")
        return valid

    def _values(self, page: Page, count: int) -> np.ndarray:
        if page.header.encoding in _CODES:
            return _codes(page, count, len(self._texts))
        _check(page.header.encoding == _PLAIN, f"values in the encoding {page.header.encoding}")
        known = len(self._texts)  # this page's texts did not fit into the dictionary any more
        self._texts = pa.concat_arrays([self._texts, _texts(page, count)])
        return np.arange(known, known + count, dtype=np.int32)


def coded_columns(file: OpenFile, group: int, names: Sequence[str]) -> dict[str, CodedColumn]:
    """Those of the named columns that a row group stores as codes.

    What is here is only what common writers write; pyarrow reads the others.
    """
    footer = file.footer
    row_group = footer.row_group(group)
    chunks = {}
    for number in range(row_group.num_columns):
        chunk, column = row_group.column(number), footer.schema.column(number)
        if chunk.path_in_schema in names and _is_coded(chunk, column):
            chunks[chunk.path_in_schema] = (chunk, column.max_definition_level > 0)
    places = [_place(chunk) for chunk, _ in chunks.values()]
    return {
        name: CodedColumn(
            read_pages(source, place.start, place.stop, codec=_codec(chunk), nullable=nullable),
            nullable=nullable,
        )
        for (name, (chunk, nullable)), (source, place) in zip(
            chunks.items(), _fetched(file, places), strict=True
        )
    }


def _is_coded(chunk: pq.ColumnChunkMetaData, column: pq.ColumnSchema) -> bool:
    return bool(
        chunk.physical_type == "BYTE_ARRAY"
        and column.max_repetition_level == 0
        and column.max_definition_level <= 1
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
    """A file to read each place from, and where it is in there.

    Local files are read as the work goes on; what is on an object store comes in few requests.
    """
    if file.is_local:
        return [(file.stream, place) for place in places]
    requests: list[range] = []
    for place in sorted(places, key=lambda place: place.start):
        if requests and place.start - requests[-1].stop <= _HOLE_BYTES:
            place = range(requests.pop().start, place.stop)
        requests.append(place)
    answers = [pa.BufferReader(file.stream.read_at(len(part), part.start)) for part in requests]
    found = []
    for place in places:
        at = next(i for i, part in enumerate(requests) if place.start in part)
        moved = range(place.start - requests[at].start, place.stop - requests[at].start)
        found.append((answers[at], moved))
    return found


def _texts(page: Page, count: int) -> pa.StringArray:
    _check(4 * count <= page.stop - page.start, "texts")
    offsets = np.empty(count + 1, np.int32)
    out = np.empty(page.stop - page.start + PADDING, np.uint8)
    size = split_texts(page.content, page.start, page.stop, offsets, out)
    _check(size != DAMAGED, "texts")
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(out))


def _codes(page: Page, count: int, known: int) -> np.ndarray:
    """The codes of so many values; each stands for one of so many known texts."""
    codes = np.empty(count, np.int32)
    if count:
        _check(page.start < page.stop, "codes")
        width = int(page.content[page.start])
        end = DAMAGED
        if width <= 32:
            end = read_runs(page.content, page.start + 1, page.stop, width, codes)
        _check(end != DAMAGED and codes.view(np.uint32).max() < known, "codes")
    return codes


def _spread(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Values where they are valid, anything in between."""
    if len(values) == len(valid):
        return values
    out = np.zeros(len(valid), np.int32)
    if len(values):
        spread(values, valid, out)
    return out


def _check(sound: bool, what: str) -> None:
    if not sound:
        raise pa.ArrowInvalid(f"a damaged page: its {what}")
