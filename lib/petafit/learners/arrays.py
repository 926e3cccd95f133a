"""Checks of a model's arrays: finite numbers, and their expected dtypes, shapes and bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petafit.errors import DivergedError, StorageError
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


@dataclass(frozen=True, slots=True)
class Form:
    """The expected form of one array.

    Attributes
    ----------
    dtype : str
    shape : tuple of int
    least : float or None
        Lower bound of the values.
    optional : bool
        The array may be missing.
    """

    dtype: str
    shape: tuple[int, ...]
    least: float | None = None
    optional: bool = False

    def fits(self, array: np.ndarray) -> bool:
        """Return whether an array has this form."""
        same = array.dtype == self.dtype and array.shape == self.shape
        return same and (self.least is None or not array.size or bool(array.min() >= self.least))

    def __str__(self) -> str:
        least = "" if self.least is None else f", {self.least:g} or more"
        return f"{self.dtype} {self.shape}{least}"


def check_arrays(learner: str, arrays: Mapping[str, np.ndarray], forms: Mapping[str, Form]) -> None:
    """Refuse arrays that are missing, of another form, or unknown.

    Raises
    ------
    StorageError
        Names the array.
    """
    needed = {name for name, form in forms.items() if not form.optional}
    if not needed <= arrays.keys() <= forms.keys():
        raise StorageError(
            f"A stored model of {learner} has unexpected arrays",
            expected=sorted(forms),
            got=sorted(arrays)[:20],
            hint="Copy the model again, or train it again.",
        )
    for name, array in arrays.items():
        if not forms[name].fits(array):
            raise StorageError(
                f"A stored model of {learner} has an array {name!r} of unexpected form",
                expected=forms[name],
                got=f"{array.dtype} {array.shape}",
                hint="Copy the model again, or train it again.",
            )
