"""The features of which a batch's entries were made, in the order of `to_csr`."""

from collections.abc import Sequence

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.csr import Ragged, gathered
from petafit.features.feature import Categorical, Cross, Cyclic, Feature, Lookup, Numeric


class EntryOrigins:
    """Finds for every entry the position of its feature among the declared ones.

    Parameters
    ----------
    features : sequence of Feature
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        categories = dict.fromkeys(f for f in features if isinstance(f, Categorical))
        crosses = [f for f in features if isinstance(f, Cross)]
        numeric = [f for f in features if isinstance(f, Numeric)]
        cyclic = [f for f in features if isinstance(f, Cyclic)]
        looked_up = [f for f in features if isinstance(f, Lookup)]
        self._numeric = _positions(features, [*numeric, *cyclic, *looked_up])
        self._category = _positions(features, [*categories, *crosses])

    def of_entries(
        self, values: np.ndarray, categories: np.ndarray, ragged: np.ndarray, ends: np.ndarray
    ) -> np.ndarray:
        """Return the origin of each entry that `to_csr` makes, (nnz,) uint16.

        Parameters
        ----------
        values, categories
            As in `petafit.features.encoding.csr.to_csr`.
        ragged : ndarray of uint16
            The origins of further entries, row by row.
        ends : ndarray of int, shape (n_rows + 1,)
            The bounds of these.
        """
        most = ends.size * (len(values) + len(categories)) + ragged.size
        origins = np.empty(most, np.uint16)
        end = _fill_origins(
            values, categories, ends, ragged, self._numeric, self._category, origins
        )
        return origins[:end]


def traced(parts: Sequence[tuple[Ragged, int]], n_rows: int) -> tuple[Ragged | None, np.ndarray]:
    """Concatenate rows made of several features, and return the origin of each entry.

    Parameters
    ----------
    parts : sequence of (Ragged, int)
        A feature's rows, and its position.
    """
    if not parts:
        return None, np.empty(0, np.uint16)
    each = np.arange(n_rows, dtype=np.int32)
    named = [
        (rows._replace(values=np.full(len(rows.indices), position, np.float32)), each)
        for rows, position in parts
    ]
    return (
        gathered([(rows, each) for rows, _ in parts]),
        gathered(named).values.astype(np.uint16),
    )


def _positions(features: Sequence[Feature], chosen: Sequence[Feature]) -> np.ndarray:
    return np.array([features.index(feature) for feature in chosen], np.uint16)


@njit
def _fill_origins(
    values: np.ndarray,
    categories: np.ndarray,
    ends: np.ndarray,
    ragged: np.ndarray,
    numeric: np.ndarray,
    category: np.ndarray,
    origins: np.ndarray,
) -> int:
    at = np.uint64(0)
    for i in range(ends.size - 1):
        for k in range(values.shape[0]):
            origins[at] = numeric[k]
            at += np.uint64(not np.isnan(values[k, i]))
        for k in range(categories.shape[0]):
            origins[at] = category[k]
            at += np.uint64(categories[k, i] >= 0)
        for k in range(ends[i], ends[i + 1]):
            origins[at] = ragged[k]
            at += np.uint64(1)
    return int(at)
