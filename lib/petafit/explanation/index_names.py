"""Names of hashed features: the texts behind some indices, from a pass over the rows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from petafit.aggregate.aggregator import Aggregator
from petafit.features.encoder import Encoder
from petafit.features.encoding.categorical import CategoryBlock
from petafit.store.arrays import StateDict

_MOST_TEXTS = 3
"""Limit of the texts named for an index: the first in alphabetical order."""


class IndexNames(Aggregator[StateDict, pa.RecordBatch, dict[int, str]]):
    """Names of some indices of an encoder; exact.

    A number is named by its column, a category ``column=value``. Categories that share an index are
    joined by `` or ``. N-grams of texts have no names.

    Parameters
    ----------
    encoder : Encoder
    wanted : sequence of int
    """

    def __init__(self, encoder: Encoder, wanted: Sequence[int]) -> None:
        self.wanted = np.array(sorted(wanted), np.int64)
        self.block = CategoryBlock(
            encoder.features, encoder.hash_bits, encoder.unicode, encoder.statistics.tables
        )
        self.numbers = dict(zip(encoder.space.numbers.tolist(), encoder.space.names, strict=True))

    def start(self, model: StateDict | None = None) -> StateDict:
        return StateDict(params={"names": {}})

    def reduce(self, state: StateDict, batch: pa.RecordBatch) -> StateDict:
        found: dict[str, set[str]] = {}
        for index, text in self.block.named(batch, self.wanted):
            found.setdefault(str(index), set()).add(text)
        named = {index: sorted(texts)[:_MOST_TEXTS] for index, texts in found.items()}
        return self.merge(state, StateDict(params={"names": named}))

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        ours, theirs = left.params["names"], right.params["names"]
        merged = {
            index: sorted({*ours.get(index, ()), *theirs.get(index, ())})[:_MOST_TEXTS]
            for index in sorted({*ours, *theirs})
        }
        return StateDict(params={"names": merged})

    def finish(self, summary: StateDict, model: StateDict | None = None) -> dict[int, str]:
        texts = {int(i): " or ".join(named) for i, named in summary.params["names"].items()}
        numbers = {i: self.numbers[i] for i in self.wanted.tolist() if i in self.numbers}
        return texts | numbers
