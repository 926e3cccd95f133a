"""Expected dtypes, shapes and bounds of a learner's stored arrays, and the check against them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from petafit.errors import StorageError


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
