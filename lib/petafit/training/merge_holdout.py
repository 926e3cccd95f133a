"""The encoded rows that shards hold out for fitting merges, and how they are joined."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from petafit.aggregate.aggregator import Aggregator
from petafit.features.encoding.batch import Batch, check_entries
from petafit.features.instances import EncodedRows
from petafit.store.arrays import StateDict
from petafit.table.contract import ValidatedBatch


def taken_from(batch: Batch) -> tuple[Batch, StateDict]:
    """A batch whose holdout rows weigh nothing, so that none is learnt from, and those rows."""
    holdout = batch.holdout
    if holdout is None:
        return batch, NOTHING
    weight = np.ones(len(holdout)) if batch.weight is None else batch.weight
    holdout = holdout & (weight > 0)  # rows of weight 0 carry no information
    if not holdout.any():
        return batch, NOTHING
    kept: Any = batch.X[np.flatnonzero(holdout)]  # CSR: dense rows are never held out
    assert batch.y is not None
    return Batch(batch.X, batch.y, np.where(holdout, 0.0, weight)), StateDict(
        {
            "counts": np.diff(kept.indptr).astype(np.int32),
            "indices": kept.indices.astype(np.int32),
            "data": kept.data,
            "y": batch.y[holdout],
            "weight": weight[holdout],
        }
    )


class LearntRows:
    """The validator of encoded batches that hides the holdout rows."""

    def validate(self, batch: Batch) -> ValidatedBatch:
        """The batch with weight 0 for these; see `petafit.features.instances.EncodedRows`."""
        validated = EncodedRows().validate(batch)
        return (
            validated
            if validated.good is None
            else validated._replace(good=taken_from(validated.good)[0])
        )


NOTHING = StateDict()
"""No rows."""


def together(parts: Sequence[StateDict]) -> StateDict:
    """Rows one after the other."""
    full = [part for part in parts if part.arrays]
    if not full:
        return NOTHING
    return StateDict(
        {name: np.concatenate([p.arrays[name] for p in full]) for name in full[0].arrays}
    )


class CollectHoldout(Aggregator[list[StateDict], StateDict, StateDict]):
    """Collects the holdout rows, as `taken_from` gives them."""

    exact = False  # the same rows, but in another order for other shards

    def start(self, model: StateDict | None = None) -> list[StateDict]:
        return []

    def reduce(self, state: list[StateDict], batch: StateDict) -> list[StateDict]:
        if batch.arrays:
            state.append(batch)
        return state

    def lift(self, state: list[StateDict]) -> StateDict:
        return together(state)

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return together([left, right])

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        return summary

    def dump(self, state: list[StateDict]) -> StateDict:
        return together(state)

    def load(self, dumped: StateDict) -> list[StateDict]:
        return [dumped] if dumped.arrays else []


def halves(rows: StateDict) -> tuple[StateDict, StateDict]:
    """Every second row, and the others: what merges are fitted to must not judge what follows."""
    return _every_second(rows, 0), _every_second(rows, 1)


def _every_second(rows: StateDict, first: int) -> StateDict:
    if not rows.arrays:
        return NOTHING
    chosen = np.arange(count(rows)) % 2 == first
    entries = np.repeat(chosen, rows.arrays["counts"])
    return StateDict(
        {
            name: values[entries if name in ("indices", "data") else chosen]
            for name, values in rows.arrays.items()
        }
    )


def count(rows: StateDict) -> int:
    """The number of rows."""
    return len(rows.arrays["y"]) if rows.arrays else 0


def as_batch(rows: StateDict, n_features: int) -> Batch:
    """The rows, of which there is one at least."""
    held = rows.arrays
    check_entries(held["counts"], held["indices"], n_features)
    indptr = np.concatenate([[0], np.cumsum(held["counts"], dtype=np.int64)])
    X = csr_array((held["data"], held["indices"], indptr), shape=(len(held["y"]), n_features))
    return Batch(X, held["y"], held["weight"])
