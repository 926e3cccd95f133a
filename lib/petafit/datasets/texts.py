"""Short texts of any number, generated: many classes akin in families, a known best accuracy."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.datasets.clicks import PROBABILITY
from petafit.datasets.text_model import draw_words, families_of, vocabulary, write
from petafit.table.columns import STRINGS, table_schema

MAIN = "main"
"""The column that says whether the label is the text's main class, whose hidden probability is in
`PROBABILITY`; neither is part of the table."""

_FEWEST_WORDS, _MOST_WORDS = 7, 14
_MIXED = 0.4
_AKIN = 0.8
_HALF_A_WORD = 0.5


@dataclass(frozen=True)
class Texts:
    """Texts of about 40 to 120 characters in the language of their class, as a source of batches.

    Two fifths of the texts mix words of a main and a second class, mostly of one family. The label
    is the main class with odds of the squared numbers of the words of each; given these numbers, no
    prediction is better than the larger probability. A row depends on its place, the seed, and the
    number of rows, classes and days; never on the shards.

    Parameters
    ----------
    rows : int
        In the order of days.
    classes : int
        From frequent to rare: of 60, the first has a tenth of the rows and the last one in 200.
    days : int
        Each has the same number of rows, give or take one.
    block_rows : int
        Rows of a batch, which has a random stream of its own.
    """

    rows: int
    classes: int = 60
    days: int = 10
    seed: int = 1
    shards: int = 1
    block_rows: int = 1 << 16

    frozen = True
    pieces = range(1)

    @property
    def identity(self) -> str:
        """Return a digest, equal for sources that give the same rows in the same batches."""
        return repr(self)

    @property
    def schema(self) -> pa.Schema:
        """Return the schema of every batch: the table's columns, then `MAIN` and `PROBABILITY`."""
        return pa.schema(
            {
                "id": pa.int64(),
                "day": pa.int32(),
                "text": STRINGS,
                "label": STRINGS,
                MAIN: pa.int8(),
                PROBABILITY: pa.float64(),
            }
        )

    @property
    def table_schema(self) -> pa.Schema:
        """Return the schema of the table: all but the hidden columns, strings plain."""
        return table_schema(pa.schema(list(self.schema)[:-2]))

    def read(self, shard: int, *, piece: int = 0, skip: int = 0) -> Iterator[pa.RecordBatch]:
        """Yield a shard's batches after the first `skip`: a run of consecutive blocks."""
        blocks = -(-self.rows // self.block_rows)
        start, stop = (blocks * place // self.shards for place in (shard, shard + 1))
        for block in range(start + skip, stop):
            yield self._block(block)

    def _block(self, block: int) -> pa.RecordBatch:
        start = block * self.block_rows
        place = np.arange(start, min(start + self.block_rows, self.rows))
        rng = np.random.default_rng([self.seed, block])
        main, second = self._draw_classes(rng, len(place))
        words = rng.integers(_FEWEST_WORDS, _MOST_WORDS, len(place), endpoint=True)
        row = np.repeat(np.arange(len(place)), words)
        is_mixed = rng.random(len(place)) < _MIXED
        share = np.where(is_mixed, rng.uniform(0, 0.5, len(place)), 0.0)
        is_second = rng.random(len(row)) < share[row]
        known = vocabulary(self.classes, self.seed)
        morphemes, is_common = draw_words(rng, known, np.where(is_second, second[row], main[row]))
        text = write(rng, known, morphemes, words)

        of_main, of_second = (
            np.bincount(row, ~is_common & of_class, len(place)) + _HALF_A_WORD
            for of_class in (~is_second, is_second)
        )
        probability = of_main**2 / (of_main**2 + is_mixed * of_second**2)
        is_main = rng.random(len(place)) < probability
        label = pa.array(np.where(is_main, main, second).astype(np.int32))
        names = pa.array([f"class {number:02d}" for number in range(self.classes)])
        return pa.RecordBatch.from_arrays(
            [
                pa.array(place),
                pa.array((place * self.days // self.rows).astype(np.int32)),
                text.dictionary_encode(),
                pa.DictionaryArray.from_arrays(label, names),
                pa.array(is_main.view(np.int8)),
                pa.array(probability),
            ],
            schema=self.schema,
        )

    def _draw_classes(self, rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw the main class of each row, and another one, mostly of the same family."""
        shares = np.cumsum(1 / np.arange(3, self.classes + 3))
        main = np.searchsorted(shares, rng.random(rows) * shares[-1])
        families = families_of(self.classes)
        akin = families * rng.integers(1, (self.classes - 1) // families, rows, endpoint=True)
        any_other = rng.integers(1, self.classes, rows)
        step = np.where(rng.random(rows) < _AKIN, akin, any_other)
        return main, (main + step) % self.classes
