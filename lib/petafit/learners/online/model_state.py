"""Conversion of an online estimator's memory to a finished model's arrays, and back."""

from dataclasses import dataclass, replace

import numpy as np

from petafit.errors import ConfigurationError
from petafit.features.encoding.stored import damaged
from petafit.learners.arrays import Form, check_arrays
from petafit.learners.online.estimator import Memory, OnlineEstimator
from petafit.learners.online.targets import Target
from petafit.learners.online.weight_table import CoordinateTable
from petafit.store.arrays import StateDict


@dataclass(frozen=True)
class ModelForm:
    """Writes models of one estimator, and restores its memory from them.

    Attributes
    ----------
    name : str
        The learner's name.
    target : Target
        The estimator's target.
    """

    name: str
    estimator: OnlineEstimator
    target: Target
    n_features: int

    def check(self, model: StateDict) -> None:
        """Refuse a model that `write` did not write.

        Raises
        ------
        StorageError
            An array is missing, or of another shape or type.
        """
        width, n_squares = self._widths
        weights = Form("float32", (self.n_features + 1, width))
        check_arrays(
            self.name,
            model.arrays,
            {
                "weights": weights,
                "squared_gradients": Form("float32", (self.n_features + 1, n_squares), least=0),
                "seen": self._seen,
                "first": replace(weights, optional=True),
            },
        )
        if model.params != {"first": self.estimator.rules().first}:
            raise damaged("first", expected=self.estimator.rules().first, got=model.params)

    def check_coordinates(self, summary: StateDict) -> None:
        """Refuse a summary with coordinates that the model does not have.

        Raises
        ------
        StorageError
            Its arrays are inconsistent.
        """
        width, total = self.estimator.width(self.target), self.n_features + 1
        index = summary.arrays.get("index")
        if index is not None:
            rising = index.dtype == np.int32 and index.ndim == 1 and (np.diff(index) > 0).all()
            if not rising or (index.size and not 0 <= index[0] <= index[-1] < total):
                raise damaged("index", expected=f"ascending coordinates below {total}", got=index)
        size = total if index is None else len(index)
        apart = {"index": None, "seen": self.target.no_rows().shape, "row_intercepts": (width,)}
        for name, array in summary.arrays.items():
            fits = [apart[name]] if name in apart else [(size, 1), (size, width)]
            if name != "index" and (array.shape not in fits or array.dtype.kind not in "fib"):
                raise damaged(name, expected=fits, got=array.shape)

    def check_memory(self, dumped: StateDict) -> None:
        """Refuse the memory of another estimator, or one that is not finite.

        Raises
        ------
        StorageError
            An array is missing, or of another shape or type.
        """
        width, n_squares = self._widths
        forms = {
            "table": Form("float32", (self.n_features + 1, width + n_squares)),
            "seen": self._seen,
        }
        check_arrays(self.name, dumped.arrays, forms)
        if dumped.params != {"width": width}:
            raise damaged("width", expected=width, got=dumped.params)

    def write(self, memory: Memory) -> StateDict:
        """Write the predictive weights and the optimizer's state, arrays that are equal only once.

        Coordinates without squared gradients are left out: they have their initial values.
        """
        weights, squares = self.estimator.weights_of(memory), memory.table.squares.copy()
        arrays = {"weights": weights, "squared_gradients": squares, "seen": memory.seen}
        first, learnt = self.estimator.rules().first, np.asarray(squares.any(axis=1))
        # With a thousand classes each array is as large as the model, so no unused one is
        # allocated.
        if first != "weights" or (weights.any(axis=1) & ~learnt).any():
            numbers = np.where(learnt[:, None], memory.table.first, np.float32(0))
            if not np.array_equal(numbers, weights):
                arrays["first"] = numbers
        return StateDict(arrays, {"first": first})

    def memory(self, model: StateDict | None) -> Memory:
        """Restore the memory of a finished model, or make the initial one.

        Raises
        ------
        ConfigurationError
            As `numbers`.
        """
        first, squares, seen = self.numbers(model)
        return Memory(CoordinateTable.of(first, squares), seen)

    def numbers(self, model: StateDict | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Restore first numbers and squared gradients of a finished model, and the rows it has
        seen.

        Raises
        ------
        ConfigurationError
            The model is of another learner, or has another size.
        """
        begun, zeros = self.estimator.first_numbers(self.n_features, self.target)
        if model is None:
            return begun, zeros, self.target.no_rows()
        arrays, first = model.arrays, self.estimator.rules().first
        found = [arrays[name].shape for name in ("weights", "squared_gradients") if name in arrays]
        if found != [begun.shape, zeros.shape] or model.params.get("first") != first:
            raise ConfigurationError(
                f"{self.name} cannot continue from this model",
                expected=f"{first} {begun.shape}, squared gradients {zeros.shape}",
                got={**model.params, **{name: a.shape for name, a in arrays.items()}},
                hint="Start without a model, or keep `hash_bits` and `learner` as they were.",
            )
        kept, squares = arrays.get("first", arrays["weights"]), arrays["squared_gradients"]
        unlearnt = np.flatnonzero(~squares.any(axis=1))
        if len(unlearnt):
            kept = kept.copy()
            kept[unlearnt] = begun[unlearnt]
        return kept, squares, arrays["seen"]

    @property
    def _widths(self) -> tuple[int, int]:
        """Return the numbers of weights and of squared gradients of a coordinate."""
        width = self.estimator.width(self.target)
        return width, 1 if self.estimator.shares_squares else width

    @property
    def _seen(self) -> Form:
        return Form("float64", self.target.no_rows().shape, least=0)
