"""Naive Bayes: the shards' counts add up, and the moments of classes merge, exactly."""

from typing import Any

import numpy as np
from sklearn.naive_bayes import ComplementNB

from petafit.learners.sklearn.merging.moments import SklearnMoments
from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.store.arrays import StateDict

_ROUNDING = 1e-12
"""Share of a count below which the remainder of a subtraction is rounding error."""


class FeatureCounts(MergeRule):
    """Merges multinomial, Bernoulli and complement naive Bayes."""

    exact = True
    subtractable = True
    forget = ("class_count_", "feature_count_", "feature_all_", "feature_log_prob_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        return StateDict(
            {name: vars(estimator)[name] for name in ("class_count_", "feature_count_")}
        )

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return StateDict({name: array + right.arrays[name] for name, array in left.arrays.items()})

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        return StateDict({name: _less(a, part.arrays[name]) for name, a in total.arrays.items()})

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        before = self.parts(start, None).arrays if start else {}
        for name, total in parts.arrays.items():
            vars(estimator)[name] = total - (shards - 1) * before.get(name, 0.0)
        if isinstance(estimator, ComplementNB):
            estimator.feature_all_ = estimator.feature_count_.sum(axis=0)
        _update_probabilities(estimator)


class CategoryCounts(MergeRule):
    """Merges categorical naive Bayes; a category that a shard has not seen has a count of 0 there.

    The counts of all features are concatenated, (n_classes, sum of n_categories).
    """

    exact = True
    subtractable = True
    forget = ("class_count_", "category_count_", "feature_log_prob_", "n_categories_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        counts = estimator.category_count_
        widths = np.array([of_feature.shape[1] for of_feature in counts])
        return _counts(estimator.class_count_, np.concatenate(counts, axis=1), widths)

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        widths = np.maximum(left.arrays["n_categories"], right.arrays["n_categories"])
        classes = left.arrays["class_count"] + right.arrays["class_count"]
        return _counts(classes, _widened(left, widths) + _widened(right, widths), widths)

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        """Subtract counts; categories that no other shard has seen are removed."""
        widths = total.arrays["n_categories"]
        classes = _less(total.arrays["class_count"], part.arrays["class_count"])
        counts = _less(total.arrays["counts"], _widened(part, widths))
        seen = np.split(counts.any(axis=0), np.cumsum(widths)[:-1])
        needed = np.array([np.flatnonzero(of_feature).max(initial=-1) + 1 for of_feature in seen])
        return _counts(classes, _widened(_counts(classes, counts, widths), needed), needed)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        least = 0 if estimator.min_categories is None else estimator.min_categories
        widths = np.maximum(parts.arrays["n_categories"], least)
        classes, counts = parts.arrays["class_count"], _widened(parts, widths)
        if start is not None:
            before = self.parts(start, None)
            classes = classes - (shards - 1) * before.arrays["class_count"]
            counts = counts - (shards - 1) * _widened(before, widths)
        by_feature = np.split(counts, np.cumsum(widths)[:-1], axis=1)
        estimator.class_count_, estimator.n_categories_ = classes, widths
        estimator.category_count_ = [np.ascontiguousarray(count) for count in by_feature]
        _update_probabilities(estimator)


def _counts(class_count: np.ndarray, counts: np.ndarray, n_categories: np.ndarray) -> StateDict:
    return StateDict({"class_count": class_count, "counts": counts, "n_categories": n_categories})


def _widened(parts: StateDict, widths: np.ndarray) -> np.ndarray:
    """Pad or cut the counts to a number of categories of each feature; those cut off are zero."""
    counts, before = parts.arrays["counts"], parts.arrays["n_categories"]
    kept = np.minimum(before, widths)
    within = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    old, new = (np.repeat(np.cumsum(w) - w, kept) + within for w in (before, widths))
    wide = np.zeros((len(counts), widths.sum()))
    wide[:, new] = counts[:, old]
    return wide


def _less(total: np.ndarray, part: np.ndarray) -> np.ndarray:
    rest = total - part
    return np.where(np.abs(rest) > _ROUNDING * total, rest, 0.0)


def _update_probabilities(estimator: Any) -> None:
    estimator._update_feature_log_prob(estimator._check_alpha())
    estimator._update_class_log_prior(class_prior=estimator.class_prior)


class BayesMoments(MergeRule):
    """Gaussian naive Bayes: the moments of each class, and those of all rows for the smoothing."""

    exact = True
    subtractable = True
    forget = ("class_count_", "theta_", "var_", "raw_var_", "all_rows_")

    def parts(self, estimator: Any, note: Any) -> StateDict:
        classes, rows = self._moments(estimator)
        return classes.to_state_dict().prefixed("classes") | rows.to_state_dict().prefixed("rows")

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return _each(SklearnMoments.merged, left, right)

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        return _each(SklearnMoments.without, total, part)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        classes, rows = (
            SklearnMoments.from_state_dict(parts.part(name)) for name in ("classes", "rows")
        )
        if start is not None:
            of_classes, of_rows = self._moments(start)
            classes = classes.start_once(of_classes, shards)
            rows = rows.start_once(of_rows, shards)
        estimator.class_count_ = classes.weight[:, 0]
        estimator.theta_, estimator.raw_var_ = classes.mean, classes.variance
        estimator.all_rows_ = rows.to_state_dict().arrays
        estimator.smooth()

    @staticmethod
    def _moments(bayes: Any) -> tuple[SklearnMoments, SklearnMoments]:
        weight = bayes.class_count_[:, None]
        return SklearnMoments(weight, bayes.theta_, bayes.raw_var_), SklearnMoments(
            **bayes.all_rows_
        )


def _each(combine: Any, left: StateDict, right: StateDict) -> StateDict:
    combined = StateDict()
    for name in ("classes", "rows"):
        one, other = (SklearnMoments.from_state_dict(side.part(name)) for side in (left, right))
        combined = combined | combine(one, other).to_state_dict().prefixed(name)
    return combined
