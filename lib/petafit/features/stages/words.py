"""Tokenizer and NGram of Spark."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.stages.rows import coded_texts, refuse

TOKENS = pa.list_(pa.field("element", pa.string()))

_SPACES = " \t\n\x0b\f\r"
"""Java's \\s."""


@dataclass(frozen=True)
class SplitWords:
    """Spark's Tokenizer: lower case, cut at each white space."""

    input: str
    output: str

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        codes, texts = coded_texts(found[self.input])
        refuse("Tokenizer", codes < 0, "a null", column=self.input)
        used, rows = np.unique(codes, return_inverse=True)
        return {self.output: split(texts.take(pa.array(used))).take(pa.array(rows))}


@dataclass(frozen=True)
class JoinNgrams:
    """Spark's NGram: each run of `n` tokens, joined by a space."""

    input: str
    output: str
    n: int

    def columns(self, found: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        tokens = found[self.input]
        refuse(
            "NGram", tokens.is_null().to_numpy(zero_copy_only=False), "a null", column=self.input
        )
        counts = tokens.value_lengths().to_numpy(zero_copy_only=False)
        flat, rows = tokens.flatten(), np.repeat(np.arange(len(tokens)), counts)
        runs = max(len(flat) - self.n + 1, 0)
        joined = pc.binary_join_element_wise(
            *(flat.slice(first, runs) for first in range(self.n)), " "
        )
        within = rows[:runs] == rows[self.n - 1 : self.n - 1 + runs]
        grams = joined.filter(pa.array(within))
        return {self.output: _lists(np.maximum(counts - self.n + 1, 0), grams)}


def split(texts: pa.StringArray) -> pa.ListArray:
    """Return what Java's ``toLowerCase`` and ``split`` make of texts: empty ends are dropped.

    Examples
    --------
    >>> split(pa.array([" A  b ", "", " "])).to_pylist()
    [['', 'a', '', 'b'], [''], []]
    """
    lowered = pa.array([text.lower() for text in texts.to_pylist()], pa.string())
    trimmed = pc.utf8_rtrim(lowered, characters=_SPACES)
    words = pc.split_pattern_regex(trimmed, f"[{_SPACES}]")
    blank = pc.and_(pc.equal(trimmed, ""), pc.not_equal(lowered, ""))
    is_blank = blank.to_numpy(zero_copy_only=False)
    counts = words.value_lengths().to_numpy(zero_copy_only=False)
    kept = words.flatten().filter(pa.array(~np.repeat(is_blank, counts)))
    return _lists(np.where(is_blank, 0, counts), kept)


def _lists(counts: np.ndarray, values: pa.StringArray) -> pa.ListArray:
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), values).cast(TOKENS)
