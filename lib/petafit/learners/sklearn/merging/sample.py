"""A mergeable sample of weighted rows, of bounded size: the largest priorities, in any order.

Priority sampling of Duffield, Lund and Thorup (2007): a row of weight w gets the priority w / u,
u uniform in (0, 1]; the rows with the largest priorities stay, and count max(w, t) each, t being
the largest priority that had to go. Sums over the sample are unbiased. Here u is a hash of the row
itself, so that retries and any order of merging keep the same rows. Up to the limit, all rows are
kept with their own weights.
"""

import hashlib

import numpy as np

from petafit.store.arrays import StateDict

_NUMBERS = 2**22
"""Upper limit of the numbers in a sample: 32 MB."""


def sample(rows: np.ndarray, weight: np.ndarray) -> StateDict:
    """Make a sample of all of some rows.

    Parameters
    ----------
    rows : ndarray of float64, shape (n_rows, n_columns)
    weight : ndarray of float64, shape (n_rows,)
    """
    priority = weight / np.array([_uniform(row) for row in rows])
    return _ordered(rows, weight, priority, threshold=0.0, limit=len(rows))


def joined(left: StateDict, right: StateDict, *, at_least: int = 0) -> StateDict:
    """Join two samples, keeping `_NUMBERS` numbers or at least `at_least` rows; other parameters
    stay.
    """
    both = {name: np.concatenate([a, right.arrays[name]]) for name, a in left.arrays.items()}
    limit = max(_NUMBERS // both["rows"].shape[1], at_least)
    threshold = max(left.params["threshold"], right.params["threshold"])
    return left | _ordered(**both, threshold=threshold, limit=limit)


def rows_and_weights(kept: StateDict) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a sample in a fixed order, and their adjusted weights."""
    return kept.arrays["rows"], np.maximum(kept.arrays["weight"], kept.params["threshold"])


def _ordered(
    rows: np.ndarray, weight: np.ndarray, priority: np.ndarray, *, threshold: float, limit: int
) -> StateDict:
    order = np.lexsort((weight, -priority))
    gone = priority[order[limit:]]
    order = order[:limit]
    return StateDict(
        {"rows": rows[order], "weight": weight[order], "priority": priority[order]},
        {"threshold": float(gone.max(initial=threshold))},
    )


def _uniform(row: np.ndarray) -> float:
    number = int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little")
    return (number + 1) / 2**64
