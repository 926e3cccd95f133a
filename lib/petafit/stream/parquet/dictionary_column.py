"""String columns that reuse Parquet's dictionary indices.

pyarrow inserts every text of a dictionary into its own hash table, and copies all of them for every
batch: for a column with many values, that takes more time than everything else.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from petafit.stream.parquet.header import CODES, DICTIONARY, DICTIONARY_ENCODINGS, PLAIN
from petafit.stream.parquet.kernels import DAMAGED, PADDING, read_codes, read_valid, split_texts
from petafit.stream.parquet.pages import Page

_MOST_VALUES = 1 << 26
"""Limit of a page's values, above any row group's size: few bytes can claim this many."""


class CodedColumn:
    """Reads the rows of a column chunk in sequence.

    Parameters
    ----------
    pages : iterator of Page
    n_rows : int
        Number of rows of the column chunk.
    """

    def __init__(self, pages: Iterator[Page], n_rows: int) -> None:
        self._pages, self._undecoded = pages, n_rows
        self._texts = pa.array([], pa.string())
        self._is_first, self._has_dictionary = True, False
        self._codes, self._valid = _room(0)

    def read(self, n_rows: int) -> pa.DictionaryArray:
        """Return the next rows, as dictionary<int32, string>.

        Raises
        ------
        pyarrow.ArrowInvalid
            A page is damaged, or there are fewer rows.
        """
        codes, valid = _room(n_rows)
        done = 0
        while done < n_rows:
            done += self._take(codes[done:], valid[done:])
        nulls = n_rows - int(np.count_nonzero(valid))
        bits = pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None
        indices = pa.Array.from_buffers(pa.int32(), n_rows, [bits, pa.py_buffer(codes)], nulls)
        return pa.DictionaryArray.from_arrays(indices, self._texts, safe=False)

    def _take(self, codes: np.ndarray, valid: np.ndarray) -> int:
        """Write the next rows, up to the end of their page; return how many."""
        if not len(self._codes):
            page = self._next_page()
            count = page.header.n_values
            if count <= len(codes):
                self._decode(page, codes[:count], valid[:count])
                return count
            self._codes, self._valid = _room(count)
            self._decode(page, self._codes, self._valid)
        taken = min(len(codes), len(self._codes))
        codes[:taken], valid[:taken] = self._codes[:taken], self._valid[:taken]
        self._codes, self._valid = self._codes[taken:], self._valid[taken:]
        return taken

    def _next_page(self) -> Page:
        """Advance to the next data page, reading the dictionary page on the way."""
        for page in self._pages:
            if page.header.kind == DICTIONARY:
                self._take_dictionary(page)
            elif page.header.n_values > min(self._undecoded, _MOST_VALUES):
                raise pa.ArrowInvalid(f"a page of more than the {self._undecoded} rows left")
            else:
                self._is_first = False
                self._undecoded -= page.header.n_values
                return page
        raise pa.ArrowInvalid("fewer rows than its row group")

    def _take_dictionary(self, page: Page) -> None:
        if not self._is_first or page.header.encoding not in DICTIONARY_ENCODINGS:
            raise pa.ArrowInvalid("a dictionary that is not its first page, or none that is plain")
        self._texts = _texts(page, page.header.n_values)
        self._is_first, self._has_dictionary = False, True

    def _decode(self, page: Page, codes: np.ndarray, valid: np.ndarray) -> None:
        """Write the index of each row, and 1 or 0 for null; the index of a null is arbitrary."""
        n_values = read_valid(page.content, page.levels, valid)
        if n_values == DAMAGED:
            raise pa.ArrowInvalid("a page with too few definition levels")
        if page.header.encoding in CODES and self._has_dictionary:
            known = len(self._texts)
            if read_codes(page.content, page.values, known, valid, codes) == DAMAGED:
                raise pa.ArrowInvalid(f"a page without codes into a dictionary of {known} texts")
        elif page.header.encoding == PLAIN:
            codes[:] = 0
            codes[valid == 1] = self._codes_of_new(_texts(page, n_values))
        else:
            raise pa.ArrowInvalid(f"values in the encoding {page.header.encoding}, not codes")

    def _codes_of_new(self, texts: pa.StringArray) -> np.ndarray:
        """Return indices of plain-encoded texts, which are appended to the file's dictionary."""
        known = len(self._texts)
        self._texts = pa.concat_arrays([self._texts, texts])
        return np.arange(known, known + len(texts), dtype=np.int32)


def _room(n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    return np.empty(n_rows, np.int32), np.empty(n_rows, np.uint8)


def _texts(page: Page, n_texts: int) -> pa.StringArray:
    size = page.values[1] - page.values[0]
    if 4 * n_texts <= size:  # size of their length prefixes
        offsets, out = np.empty(n_texts + 1, np.int32), np.empty(size + PADDING, np.uint8)
        if split_texts(page.content, page.values, offsets, out) != DAMAGED:
            return pa.StringArray.from_buffers(n_texts, pa.py_buffer(offsets), pa.py_buffer(out))
    raise pa.ArrowInvalid("a page that ends before its texts do")
