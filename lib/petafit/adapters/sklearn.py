"""Encoded rows for scikit-learn's `partial_fit`."""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.sparse import csr_array

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch


def batches(
    encoded: Iterable[Batch],
) -> Iterator[tuple[csr_array | np.ndarray, np.ndarray]]:
    """Yield features and labels of encoded batches.

    Parameters
    ----------
    encoded : iterable of Batch
        `petafit.open_instances`, or one of its shards.

    Yields
    ------
    X : csr_array or ndarray, shape (n_rows, n_features)
        An index that occurs twice in a row adds up.
    y : ndarray of float64, shape (n_rows,)
        Positions in ``instances.classes``, or the numbers to predict.

    Raises
    ------
    ConfigurationError
        The rows have weights: use `weighted_batches`.

    Examples
    --------
    >>> instances = petafit.open_instances(settings)  # doctest: +SKIP
    >>> for X, y in batches(instances):  # doctest: +SKIP
    ...     classifier.partial_fit(X, y, classes=[0, 1])
    """
    for X, y, weight in weighted_batches(encoded):
        if weight is not None:
            raise ConfigurationError(
                "The rows have weights, and a pair of features and labels has no place for them",
                hint="Use `petafit.adapters.sklearn.weighted_batches`, or a task without `weight`.",
            )
        yield X, y


def weighted_batches(
    encoded: Iterable[Batch],
) -> Iterator[tuple[csr_array | np.ndarray, np.ndarray, np.ndarray | None]]:
    """Yield as `batches`, with the rows' weights, (n_rows,) float64; None if all weigh 1."""
    for batch in encoded:
        assert batch.y is not None  # the task's label is always read
        yield batch.X, batch.y, batch.weight
