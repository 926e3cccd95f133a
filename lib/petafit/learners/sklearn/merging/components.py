"""IncrementalPCA: shards' scatter matrices S add up, each stored as rows R with RᵀR = S."""

from typing import Any

import numpy as np
from scipy import linalg
from sklearn.utils.extmath import svd_flip

from petafit.learners.sklearn.merging.moments import SklearnMoments
from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.store.arrays import StateDict


class Components(MergeRule):
    """Merges IncrementalPCA.

    A shard's rows are its components times their singular values. Two stacks and the row
    ``sqrt(n1 n2 / (n1 + n2)) (mean1 - mean2)`` make the stack of both; a stack of more rows than
    columns is replaced by the triangular factor of its QR decomposition, which has the same
    scatter. So merging loses nothing; only the components that the shards truncated are missing.

    Parameters
    ----------
    exact : bool
        No shard truncates, since there are as many components as features.
    """

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self.how = (
            "exact: means, variances and scatter matrices add up"
            if exact
            else "approximate: means and variances exact, components from those that shards kept "
            "(exact with n_components >= the rank of the data)"
        )

    forget = (
        "components_",
        "singular_values_",
        "mean_",
        "var_",
        "explained_variance_",
        "explained_variance_ratio_",
    )

    def parts(self, estimator: Any, note: Any) -> StateDict:
        stack = estimator.singular_values_[:, None] * estimator.components_
        moments = _moments(estimator).to_state_dict()
        return StateDict({"stack": stack}, {"n_components": int(estimator.n_components_)}) | moments

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        one, other = SklearnMoments.from_state_dict(left), SklearnMoments.from_state_dict(right)
        stack = np.vstack([left.arrays["stack"], right.arrays["stack"], _between(one, other)])
        if len(stack) > stack.shape[1]:
            stack = linalg.qr(stack, mode="r")[0][: stack.shape[1]]
        kept = max(left.params["n_components"], right.params["n_components"])
        return (
            StateDict({"stack": stack}, {"n_components": kept}) | one.merged(other).to_state_dict()
        )

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        moments, stack = SklearnMoments.from_state_dict(parts), parts.arrays["stack"]
        if start is not None:
            before = _moments(start)
            moments = moments.start_once(before, shards)
            stack = _start_once(stack, start, _between(moments, _times(before, shards - 1)), shards)
        _, singular, rows = linalg.svd(stack, full_matrices=False)
        rows = svd_flip(None, rows, u_based_decision=False)[1]
        n, kept = int(moments.weight), parts.params["n_components"]
        variances, total = singular**2 / (n - 1), np.sum(moments.variance) * n / (n - 1)
        estimator.n_samples_seen_ = moments.weight[()]
        estimator.mean_, estimator.var_ = moments.mean, moments.variance
        estimator.n_components_ = min(kept, len(rows))
        estimator.components_ = rows[:kept]
        estimator.singular_values_ = singular[:kept]
        estimator.explained_variance_ = variances[:kept]
        estimator.explained_variance_ratio_ = variances[:kept] / total
        others = min(n, rows.shape[1]) - kept
        rest = max(total - variances[:kept].sum(), 0.0)
        estimator.noise_variance_ = rest / others if others > 0 else 0.0


def _moments(pca: Any) -> SklearnMoments:
    return SklearnMoments(np.array(pca.n_samples_seen_, np.float64), pca.mean_, pca.var_)


def _times(moments: SklearnMoments, factor: int) -> SklearnMoments:
    return SklearnMoments(moments.weight * factor, moments.mean, moments.variance)


def _between(one: SklearnMoments, other: SklearnMoments) -> np.ndarray:
    """Return the row that accounts for the distance of two means in a stack."""
    scale = np.sqrt(one.weight * other.weight / (one.weight + other.weight))
    return np.atleast_2d(scale * (one.mean - other.mean))


def _start_once(stack: np.ndarray, start: Any, between: np.ndarray, shards: int) -> np.ndarray:
    """Correct a stack of shards that all began with `start`, so that it counts once."""
    before = start.singular_values_[:, None] * start.components_
    again = np.vstack([np.sqrt(shards - 1) * before, between])
    variances, rows = linalg.eigh(stack.T @ stack - again.T @ again)
    return np.sqrt(np.maximum(variances, 0))[::-1, None] * rows.T[::-1]
