"""Detection of NaN and infinity: a model with either is neither published nor loaded."""

import numpy as np

from petafit.errors import DivergedError
from petafit.store.arrays import StateDict

NOT_FINITE = "the prediction is not finite"
"""Reason why a row that meets the contract has no prediction."""


def first_not_finite(model: StateDict, *, may_be_low: frozenset[str] = frozenset()) -> str | None:
    """Return the name of an array that holds NaN or an infinite number; None if there is none.

    Parameters
    ----------
    may_be_low : frozenset of str
        Last components of the dotted names of arrays in which negative infinity is valid, as the
        logarithm of a probability of 0.

    Examples
    --------
    >>> first_not_finite(StateDict({"weights": np.array([1.0, np.nan])}))
    'weights'
    """
    for name, array in model.arrays.items():
        if array.dtype.kind == "c":
            return name  # arrays of other dtypes, which no learner has
        if array.dtype.kind != "f":
            continue
        if name.rpartition(".")[2] in may_be_low:
            array = np.where(np.isneginf(array), 0, array)
        if not np.isfinite(array).all():
            return name
    return None


def diverged(learner: str, array: str, how: str = "are no longer finite") -> DivergedError:
    """Return the error for a learner whose numbers became too large, or NaN."""
    return DivergedError(
        f"{learner} diverged: its {array} {how}",
        hint="Lower `learning_rate`, bring the features to a common scale, or set limits in "
        "`contract.columns`.",
    )


def finite_rows(predictions: np.ndarray) -> np.ndarray:
    """Return a mask (n_rows,) of the rows whose predictions are all finite."""
    finite = np.isfinite(predictions)
    return finite if finite.ndim == 1 else np.asarray(finite.all(axis=1))
