"""Ridge and linear regression over any number of shards, as if fitted to all rows at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, qr, solve_triangular
from scipy.linalg.lapack import dpstrf

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.stored import damaged
from petafit.learners.arrays import Form, check_arrays
from petafit.learners.base import Learner, check_taken_back, labels_of, rows_that_count
from petafit.learners.parameters import check_names
from petafit.learners.ridge.gram import Scatter, scatter_of
from petafit.store.arrays import StateDict

_MOST_FEATURES = 10_000
"""The Gram matrix then takes 800 MB, and a worker holds about three of them."""

_DEPENDENT = 1e-12
"""Share of a column's variance that rounding may leave if the other columns explain it."""

_CONSTANT = 64 * np.finfo(np.float64).eps
"""Deviation of a constant column, relative to its mean, that rounding may leave."""

_EMPTY = StateDict(params={"rows": 0})


@dataclass(frozen=True)
class RidgeState:
    """Statistics of a shard.

    Attributes
    ----------
    own : Scatter or None
        Scatter of its rows; None before the first.
    model : StateDict or None
        The model from which the shard started.
    interim : StateDict or None
        Coefficients fitted to the first rows, for progressive validation.
    """

    own: Scatter | None = None
    model: StateDict | None = None
    interim: StateDict | None = None


class Ridge(Learner[RidgeState]):
    """Least squares with an L2 penalty: minimises ``sum(weight (y - Xw - b)^2) + alpha |w|^2``.

    Shards merge exactly, and can be subtracted: their summaries are means and centred products of
    features and label. A model holds them too, so that a later round adds its rows to them.
    If the rows do not determine the coefficients (``alpha=0`` and linearly dependent columns), the
    solution of least norm is taken.

    Parameters
    ----------
    alpha : float, default=1.0
        The penalty; 0 is ordinary least squares.
    fit_intercept : bool, default=True
        Otherwise b is 0.
    n_features : int or None
        None if not known yet.

    Raises
    ------
    ConfigurationError
        A negative `alpha`, or more than 10,000 features.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances", 1979.
    """

    name = "petafit.Ridge"
    kind = "regressor"
    dtype = "float64"
    exact = True
    subtractable = True

    def __init__(
        self, *, alpha: float = 1.0, fit_intercept: bool = True, n_features: int | None = None
    ) -> None:
        if not isinstance(alpha, int | float) or not 0 <= alpha < np.inf or alpha is True:
            raise ConfigurationError(f"{self.name}: alpha must be a number >= 0", got=alpha)
        if not isinstance(fit_intercept, bool):
            raise ConfigurationError(
                f"{self.name}: fit_intercept must be true or false", got=fit_intercept
            )
        if n_features is not None and n_features > _MOST_FEATURES:
            raise ConfigurationError(
                f"{self.name} keeps the product of every feature with every other",
                expected=f"at most {_MOST_FEATURES:,} features",
                got=f"{n_features:,}",
                hint="Choose petafit.OnlineLinearRegressor, or set a smaller `hash_bits`.",
            )
        self.alpha, self.fit_intercept, self.n_features = alpha, fit_intercept, n_features

    @classmethod
    def from_params(cls, params: Mapping[str, Any], *, n_features: int | None) -> "Ridge":
        """Build the learner from a task file's parameters.

        Raises
        ------
        ConfigurationError
            An unknown or invalid parameter, or too many features.
        """
        check_names(cls.name, params, ["alpha", "fit_intercept"])
        return cls(**params, n_features=n_features)

    def start(self, model: StateDict | None = None) -> RidgeState:
        if model is None:
            return RidgeState()
        coef = model.arrays.get("coef")
        if coef is None or len(coef) != self.n_features:
            raise ConfigurationError(
                f"{self.name} cannot continue from this model",
                expected=f"{self.n_features} coefficients",
                got="none" if coef is None else len(coef),
                hint="Start without a model, or keep `features` and `learner` as they were.",
            )
        return RidgeState(model=model)

    def reduce(self, state: RidgeState, batch: Batch) -> RidgeState:
        batch = rows_that_count(batch)
        y = labels_of(batch, self.name)
        if not len(y):
            return state
        new = scatter_of(batch.X, y, batch.weight)
        return replace(state, own=new if state.own is None else state.own.merged(new))

    def progressive(self, state: RidgeState, batch: Batch) -> tuple[RidgeState, np.ndarray | None]:
        """Predict, then learn; coefficients are refitted when the number of rows has doubled."""
        seen = _rows(state.model) + (state.own.rows if state.own else 0)
        if seen and seen >= 2 * _rows(state.interim):
            found = self.finish(self.lift(state), state.model)
            kept = {name: found.arrays[name] for name in ("coef", "intercept")}
            state = replace(state, interim=StateDict(kept, {"rows": seen}))
        predictions = self.predict(state.interim, batch.X) if state.interim else None
        return self.reduce(state, batch), predictions

    def lift(self, state: RidgeState) -> StateDict:
        return _EMPTY if state.own is None else state.own.to_state_dict()

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        if not _rows(left) or not _rows(right):
            return left if _rows(left) else right
        return Scatter.from_state_dict(left).merged(Scatter.from_state_dict(right)).to_state_dict()

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        check_taken_back(total, part)
        if not _rows(part):
            return total
        if _rows(part) == _rows(total):
            return _EMPTY
        return Scatter.from_state_dict(total).without(Scatter.from_state_dict(part)).to_state_dict()

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        total = self.merge(_EMPTY if model is None else model.part("scatter"), summary)
        coef, intercept = np.zeros(self.n_features or 0), 0.0
        if _rows(total):
            scatter = Scatter.from_state_dict(total).recentred()
            total, (coef, intercept) = scatter.to_state_dict(), self._solve(scatter)
        solution = StateDict(
            {"coef": coef, "intercept": np.array(intercept)}, {"rows": _rows(total)}
        )
        return solution | total.prefixed("scatter")

    def check_form(self, model: StateDict) -> None:
        assert self.n_features is not None
        columns = self.n_features + 1
        solution = {"coef": Form("float64", (self.n_features,)), "intercept": Form("float64", ())}
        scatter = {
            "scatter/weight": Form("float64", (), least=0),
            "scatter/origin": Form("float64", (columns,)),
            "scatter/offset": Form("float64", (columns,)),
            "scatter/products": Form("float64", (columns, columns)),
        }
        rows = model.params["rows"]
        check_arrays(self.name, model.arrays, {**solution, **(scatter if rows else {})})
        if model.params != {"rows": rows, "scatter/rows": rows} or type(rows) is not int:
            raise damaged("rows", expected="the rows learnt from", got=model.params)

    def predictive(self, model: StateDict) -> StateDict:
        return StateDict({name: model.arrays[name] for name in ("coef", "intercept")})

    def predict(self, model: StateDict, X: Any) -> np.ndarray:
        predictions: np.ndarray = X @ model.arrays["coef"] + model.arrays["intercept"]
        return predictions

    def dump(self, state: RidgeState) -> StateDict:
        own = self.lift(state).prefixed("own")
        return own | _held("model", state.model) | _held("interim", state.interim)

    def load(self, dumped: StateDict) -> RidgeState:
        own, model, interim = (dumped.part(name) for name in ("own", "model", "interim"))
        return RidgeState(
            own=Scatter.from_state_dict(own) if _rows(own) else None,
            model=model if model.params else None,
            interim=interim if interim.params else None,
        )

    def _solve(self, total: Scatter) -> tuple[np.ndarray, float]:
        """Solve for coefficients and intercept; constant columns get a coefficient of 0."""
        mean, gram, cross = total.mean, total.products[:-1, :-1], total.products[:-1, -1]
        least = total.weight * (_CONSTANT * mean[:-1]) ** 2
        if not self.fit_intercept:
            weighted = total.weight * mean
            gram, cross = (
                gram + np.outer(mean[:-1], weighted[:-1]),
                cross + mean[:-1] * weighted[-1],
            )
            least = np.zeros_like(least)
        vary = np.flatnonzero(gram.diagonal() > least)
        coef = np.zeros(len(cross))
        coef[vary] = _least_norm(
            gram[np.ix_(vary, vary)] + self.alpha * np.eye(len(vary)), cross[vary]
        )
        return coef, float(mean[-1] - mean[:-1] @ coef) if self.fit_intercept else 0.0


def _least_norm(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve ``matrix w = right`` for the least w, for a positive semidefinite matrix without zero
    rows.

    A pivoted Cholesky factorisation of the matrix, scaled to a unit diagonal, reveals the rank
    independently of the columns' units.
    """
    scale = np.sqrt(matrix.diagonal())
    tolerance = max(_DEPENDENT, len(scale) * np.finfo(np.float64).eps)
    lower, pivots, rank, _ = dpstrf(matrix / np.outer(scale, scale), lower=1, tol=tolerance)
    order = pivots - 1
    solution = np.empty_like(right)
    if rank == len(right):
        solution[order] = cho_solve((lower, True), (right / scale)[order])
        return solution / scale
    factor = np.empty((len(right), rank))
    factor[order] = np.tril(lower)[:, :rank]
    # matrix = F Fᵀ, F = QR: the solution of least norm is Q R⁻ᵀ R⁻¹ Qᵀ right.
    q, r = qr(scale[:, None] * factor, mode="economic")
    least: np.ndarray = q @ solve_triangular(r, solve_triangular(r, q.T @ right), trans="T")
    return least


def _rows(named: StateDict | None) -> int:
    return int(named.params.get("rows", 0)) if named else 0


def _held(name: str, named: StateDict | None) -> StateDict:
    return StateDict() if named is None else named.prefixed(name)
