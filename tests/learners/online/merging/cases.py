"""Shards for the tests of merging: two tiny ones by hand, and rows of clicks."""

from functools import reduce as fold

import numpy as np
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch
from petafit.learners.online.merging.shard_summary import shard_numbers
from petafit.learners.online.merging.summaries import Sums, merge

START = np.array([[0.5, 2.0], [-1.0, 0.0], [0.2, 1.0], [0.0, 3.0]], np.float32)[..., None]
"""Two numbers, w0 and G0, of three features and the intercept, of one output."""

SHARDS = [
    np.array([[0.7, 3.0], [-1.0, 0.0], [0.2, 1.0], [0.5, 4.0]], np.float32)[..., None],
    np.array([[0.1, 7.0], [-3.0, 2.0], [0.2, 1.0], [-0.1, 9.0]], np.float32)[..., None],
]
ROWS = [10, 30]
STARTED = START[:, 0], START[:, 1]


def sums() -> Sums:
    parts = (
        shard_numbers(
            weights=table[:, 0],
            moved=(table != START).any(axis=1),
            squares=table[:, 1],
            before=START[:, 1],
            seen=np.array([float(rows)]),
            rows=rows,
        )
        for table, rows in zip(SHARDS, ROWS, strict=True)
    )
    return Sums.from_state_dict(fold(merge, parts))


def clicks(n_rows: int, seed: int = 0) -> Batch:
    """One-hot rows: 8 fields of 40 values with popularity 1/rank, log-odds normal by value."""
    random, effects = np.random.default_rng(seed), np.random.default_rng(99)
    values = (40 ** random.random((n_rows, 8))).astype(np.int64)
    margins = effects.normal(size=(8, 40), scale=0.7)[np.arange(8), values].sum(axis=1) - 1
    y = (random.random(n_rows) < 1 / (1 + np.exp(-margins))).astype(np.float64)
    indices = (values + 40 * np.arange(8)).ravel()
    rows = (np.ones(indices.size, np.float32), indices, np.arange(0, indices.size + 1, 8))
    return Batch(csr_array(rows, shape=(n_rows, 320)), y)
