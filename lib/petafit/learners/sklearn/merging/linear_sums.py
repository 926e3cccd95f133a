"""scikit-learn's linear models by SGD, merged by the rules of petafit's own linear learners."""

from typing import Any

import numpy as np

from petafit.compiled import njit
from petafit.features.encoding.batch import Batch
from petafit.learners.base import MergeFit
from petafit.learners.online.csr import UNWEIGHTED, SparseRows, as_rows, frozen
from petafit.learners.online.merging.rules import (
    STACKED,
    Touched,
    find_rule,
    merged_squared_gradients,
    merged_weights,
)
from petafit.learners.online.merging.shard_summary import shard_numbers
from petafit.learners.online.merging.stacking import candidates_of
from petafit.learners.online.merging.summaries import Sums, merge
from petafit.learners.sklearn.merging.averages import LinearSteps
from petafit.learners.sklearn.merging.rule import Learnt, MergeRule
from petafit.learners.sklearn.merging.sgd_losses import loss_of, shares_of
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict


class LinearSums(MergeRule):
    """Stacking, or another rule of `petafit.learners.online.merging.rules`.

    SGD keeps no squared gradients. Instead the estimator stores, as ``evidence_``, the sums of
    ``weight x**2 / 4`` of every feature, and of ``weight / 4`` for the intercept, over the rows it
    has learnt from: the squared gradients of the log loss at a probability of 1/2.

    With ``average`` the predictive weights are merged; SGD and its average both continue from the
    result. The step counter ``t_`` grows by the shards' mean, so that the next round's steps are as
    long as a single shard's would be.

    Without a merge holdout, stacking falls back on `Touched`: SGD's first steps are so long that
    adding them up, as `Evidence` does, diverges (20 shards of click logs: log loss 2.95 by
    `Evidence`, 1.75 by `Mean`, 1.70 by `Touched`, .50 stacked). With ``average`` the mean, which
    merges SGD and its average separately, is better there by 1 or 2 points.

    Parameters
    ----------
    name : str
        Name of the rule.
    """

    forget = (*LinearSteps.forget, "evidence_")

    def __init__(self, name: str) -> None:
        self.stacks = name in STACKED
        self.rule = Touched() if self.stacks else find_rule(name)

    def learnt(self, estimator: Any, batch: Batch) -> Any:
        evidence = vars(estimator).setdefault("evidence_", np.zeros(batch.X.shape[1] + 1))
        weight = UNWEIGHTED if batch.weight is None else frozen(batch.weight, np.float64)
        _gather(as_rows(batch.X), weight, evidence)
        return estimator

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> dict[str, float]:
        steps = estimator.t_ - (start.t_ if start is not None else 1)
        return {**learnt._asdict(), "steps": int(steps)}

    def lift(self, estimator: Any, start: Any | None, learnt: Learnt) -> StateDict:
        before = _evidence_of(start, len(estimator.evidence_))[:, 0]
        gained = StateDict({"gained": estimator.evidence_ - before})
        return super().lift(estimator, start, learnt) | gained

    def noted(self, summary: StateDict) -> dict[str, Any]:
        return {**summary.params["note"], "gained": summary.arrays["gained"]}

    def parts(self, estimator: Any, note: Any) -> StateDict:
        gained = note["gained"][:, None]
        sums = shard_numbers(
            weights=_weights_of(estimator),
            moved=gained > 0,
            squares=gained,
            before=np.zeros_like(gained),
            seen=np.array([float(note["steps"])]),
            rows=note["rows"],
            weight=note["weight"],
        )
        held = {name: vars(estimator).get(name) for name in LinearSteps.forget}
        shapes = {name: list(array.shape) for name, array in held.items() if array is not None}
        form = StateDict(params={"shapes": shapes, "dtype": estimator.coef_.dtype.str})
        return form | sums.prefixed("sums")

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        form = StateDict(params={name: left.params[name] for name in ("shapes", "dtype")})
        return form | merge(left.part("sums"), right.part("sums")).prefixed("sums")

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        sums = Sums.from_state_dict(parts.part("sums"))
        weights = merged_weights(self.rule, sums, *_begun(start, parts))
        _put(estimator, weights, parts, start)

    def stack(
        self, summary: StateDict, start: Any | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        estimator, parts = decode(summary.part("estimator")), summary.part("parts")
        candidates = candidates_of(Sums.from_state_dict(parts.part("sums")), *_begun(start, parts))
        features, loss = candidates.contributions(as_rows(rows.X)), loss_of(estimator, rows)
        candidates, features, size = candidates.scaled(features, loss)
        fit = candidates.fit(features, loss, shares_of(estimator, rows))
        weights = candidates.combined(fit.multipliers)
        _put(estimator, weights / size if _decides_only(estimator) else weights, parts, start)
        return encode(estimator), fit


def _decides_only(estimator: Any) -> bool:
    """Return whether only decisions matter, so that the scale of margins is arbitrary.

    The length of such an estimator's steps depends on the scale of its weights, so that is kept.
    """
    return hasattr(estimator, "classes_") and not hasattr(estimator, "predict_proba")


def _put(estimator: Any, weights: np.ndarray, parts: StateDict, start: Any | None) -> None:
    """Set an estimator's merged weights, evidence, and step count."""
    sums = Sums.from_state_dict(parts.part("sums"))
    for name, shape in parts.params["shapes"].items():
        own = weights[-1] if "intercept" in name else weights[:-1].T
        vars(estimator)[name] = own.reshape(shape).astype(parts.params["dtype"], order="C")
    before = _evidence_of(start, len(weights))
    estimator.evidence_ = merged_squared_gradients(sums, before)[:, 0]
    estimator.t_ = (start.t_ if start is not None else 1.0) + float(sums.seen[0]) / sums.shards


def _weights_of(estimator: Any) -> np.ndarray:
    """Return the predictive weights, (n_features + 1, n_outputs), the intercept last."""
    return np.vstack([np.atleast_2d(estimator.coef_).T, estimator.intercept_])


def _begun(start: Any | None, parts: StateDict) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and the evidence from which all shards began."""
    rows, outputs = parts.params["sums/coordinates"], len(parts.arrays["sums/row_intercepts"])
    weights = np.zeros((rows, outputs)) if start is None else _weights_of(start)
    return weights, _evidence_of(start, rows)


def _evidence_of(start: Any | None, rows: int) -> np.ndarray:
    """Return a model's evidence, (rows, 1); 0 if it was merged by the mean."""
    evidence = getattr(start, "evidence_", None)
    return np.zeros((rows, 1)) if evidence is None else evidence[:, None]


@njit
def _gather(rows: SparseRows, weight: np.ndarray, evidence: np.ndarray) -> None:
    """Add the rows' weighted squares, divided by 4."""
    indptr, indices, data = rows
    for row in range(len(indptr) - 1):
        share = 0.25 * (weight[row] if len(weight) else 1.0)
        for k in range(indptr[row], indptr[row + 1]):
            evidence[indices[k]] += share * data[k] * data[k]
        evidence[-1] += share
