"""The scikit-learn families whose shards can be merged: linear models by SGD, and naive Bayes."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.naive_bayes import ComplementNB

from petafit.learners.estimator_state import decode, encode
from petafit.learners.sklearn import SklearnLearner, SklearnState
from petafit.store.arrays import Named

_STEPS = ("coef_", "intercept_", "offset_", "_standard_coef", "_standard_intercept")
_AVERAGES = ("_average_coef", "_average_intercept")


class AveragedSGD(SklearnLearner):
    """scikit-learn's linear models by SGD; shards are averaged, weighted by their rows.

    With ``average`` it is `_standard_coef` and `_average_coef` that `partial_fit` goes on from, so
    these are averaged and `coef_` follows. The step counter `t_` is averaged too, so that the next
    round's steps are as long as one shard's would be.
    """

    mergeable = True

    def say(self, state: SklearnState) -> Named:
        rest = copy.copy(state.estimator)
        held = vars(rest)
        arrays = {name: held.pop(name) for name in (*_STEPS, *_AVERAGES) if name in held}
        averaging = "_average_coef" in arrays and rest.average <= rest.t_ - 1
        own = {
            "averaged_rows": state.rows if averaging else 0,
            "steps": rest.t_,
            "dtypes": {name: array.dtype.str for name, array in arrays.items()},
        }
        wide = {f"linear/{name}": array.astype(np.float64) for name, array in arrays.items()}
        return Named(wide, own) | encode(rest).prefixed("rest")

    def join(self, left: Named, right: Named) -> Named:
        rows = left.params["rows"], right.params["rows"]
        averaged = left.params["averaged_rows"], right.params["averaged_rows"]
        arrays = {
            name: _mean(array, right.arrays[name], averaged if "_average_" in name else rows)
            for name, array in left.arrays.items()
            if name.startswith("linear/")
        }
        steps = _mean(left.params["steps"], right.params["steps"], rows)
        return left | Named(arrays, {"averaged_rows": sum(averaged), "steps": steps})

    def conclude(self, summary: Named, model: Named | None) -> Named:
        estimator = decode(summary.part("rest"))
        for name, array in summary.part("linear").arrays.items():
            vars(estimator)[name] = array.astype(summary.params["dtypes"][name])
        estimator.t_ = summary.params["steps"]
        if hasattr(estimator, "_average_coef"):
            _choose(estimator, "average" if summary.params["averaged_rows"] else "standard")
        return encode(estimator)


class DiscreteBayes(SklearnLearner):
    """Multinomial, Bernoulli and complement naive Bayes: the shards' counts add up, exactly."""

    exact = True
    mergeable = True

    def say(self, state: SklearnState) -> Named:
        before = _counts(decode(state.model, copy=False)) if state.model else {}
        counts = _counts(state.estimator)
        return Named({name: array - before.get(name, 0) for name, array in counts.items()})

    def join(self, left: Named, right: Named) -> Named:
        return Named({name: array + right.arrays[name] for name, array in left.arrays.items()})

    def conclude(self, summary: Named, model: Named | None) -> Named:
        estimator = clone(self.template) if model is None else decode(model)
        before = _counts(estimator) if model else {}
        for name, array in summary.arrays.items():
            vars(estimator)[name] = array + before.get(name, 0)
        estimator.classes_ = np.arange(self.n_classes or 0)
        estimator.n_features_in_ = self.n_features
        if isinstance(estimator, ComplementNB):
            estimator.feature_all_ = estimator.feature_count_.sum(axis=0)
        estimator._update_feature_log_prob(estimator._check_alpha())
        estimator._update_class_log_prior(class_prior=estimator.class_prior)
        return encode(estimator)


def sklearn_learner(class_name: str, params: Mapping[str, Any], **facts: Any) -> SklearnLearner:
    """The learner of a scikit-learn class: one that merges, where its family can."""
    return _FAMILIES.get(class_name, SklearnLearner)(class_name, params, **facts)


_FAMILIES: Mapping[str, type[SklearnLearner]] = {
    **dict.fromkeys(
        (
            "PassiveAggressiveClassifier",
            "PassiveAggressiveRegressor",
            "Perceptron",
            "SGDClassifier",
            "SGDOneClassSVM",
            "SGDRegressor",
        ),
        AveragedSGD,
    ),
    **dict.fromkeys(("BernoulliNB", "ComplementNB", "MultinomialNB"), DiscreteBayes),
}


def _choose(estimator: Any, which: str) -> None:
    """Let the fitted attributes be the averaged or the last weights, as scikit-learn does."""
    held = vars(estimator)
    held["coef_"] = held[f"_{which}_coef"]
    intercept = held[f"_{which}_intercept"]
    if "offset_" in held:
        held["offset_"] = 1 - intercept
    else:
        held["intercept_"] = intercept


def _counts(estimator: Any) -> dict[str, np.ndarray]:
    return {name: vars(estimator)[name] for name in ("class_count_", "feature_count_")}


def _mean(left: Any, right: Any, weights: tuple[int, int]) -> Any:
    """The weighted mean; exactly the other side where one weighs nothing."""
    ours, theirs = weights
    if not theirs:
        return left
    return (ours * left + theirs * right) / (ours + theirs) if ours else right
