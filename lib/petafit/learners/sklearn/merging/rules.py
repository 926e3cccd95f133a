"""The merge rule of every incremental class of scikit-learn, meta-estimators included."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sklearn.base import clone
from sklearn.feature_selection import SelectFromModel

from petafit.learners.sklearn.classes import is_fitted, public_name
from petafit.learners.sklearn.merging.averages import BoltzmannMachine, LinearSteps, Perceptrons
from petafit.learners.sklearn.merging.clusters import Centres, Subclusters
from petafit.learners.sklearn.merging.decomposition import Components, Dictionary, Factors, Topics
from petafit.learners.sklearn.merging.linear_sums import LinearSums
from petafit.learners.sklearn.merging.naive_bayes import BayesMoments, CategoryCounts, FeatureCounts
from petafit.learners.sklearn.merging.rule import EMPTY, Learnt, MergeRule, single
from petafit.learners.sklearn.merging.scalers import Magnitude, MinMax, ScalerMoments
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict


class Nested(MergeRule):
    """One-vs-rest, one-vs-one and multi-output estimators, and SelectFromModel.

    The parts are summaries of the nested estimators. A shard that lacks two classes leaves the
    estimator of this pair unfitted, and contributes nothing to it.

    Parameters
    ----------
    base : MergeRule
        The rule of each nested estimator.
    """

    forget = ("estimators_", "estimator_")

    def __init__(self, base: MergeRule) -> None:
        self.base = base
        self.exact, self.subtractable = base.exact, base.subtractable

    def note(self, estimator: Any, start: Any | None, learnt: Learnt) -> list[Any]:
        held = _held(estimator)
        return [
            None if after is None else self.base.note(after, before, learnt)
            for after, before in zip(held, _begun(start, len(held)), strict=True)
        ]

    def parts(self, estimator: Any, note: Any) -> StateDict:
        return _numbered(
            EMPTY if held is None else single(encode(held), 1, of_held)
            for held, of_held in zip(_held(estimator), note, strict=True)
        )

    def join(self, left: StateDict, right: StateDict) -> StateDict:
        return _each(self.base.merge, left, right)

    def subtract(self, total: StateDict, part: StateDict) -> StateDict:
        return _each(self.base.unmerge, total, part)

    def build(self, estimator: Any, parts: StateDict, start: Any | None, shards: int) -> None:
        begun = _begun(start, parts.params["count"])
        held = [self._built(estimator, parts.part(str(i)), own) for i, own in enumerate(begun)]
        if isinstance(estimator, SelectFromModel):
            (estimator.estimator_,) = held
        else:
            estimator.estimators_ = held

    def _built(self, estimator: Any, summary: StateDict, start: Any | None) -> Any:
        """Build a nested estimator; the initial one if no shard had rows for it."""
        if summary.params["rows"]:
            return decode(self.base.finish(summary, start))
        return clone(estimator.estimator) if start is None else start


def _held(estimator: Any) -> list[Any | None]:
    """Return the nested estimators; None for one that has learnt nothing."""
    single_one = isinstance(estimator, SelectFromModel)
    held = [estimator.estimator_] if single_one else estimator.estimators_
    return [one if is_fitted(one) else None for one in held]


def _begun(start: Any | None, count: int) -> list[Any | None]:
    return [None] * count if start is None else _held(start)


def _numbered(summaries: Iterable[StateDict]) -> StateDict:
    parts, count = StateDict(), 0
    for count, summary in enumerate(summaries, start=1):
        parts = parts | summary.prefixed(str(count - 1))
    return parts | StateDict(params={"count": count})


def _each(
    combine: Callable[[StateDict, StateDict], StateDict], left: StateDict, right: StateDict
) -> StateDict:
    return _numbered(
        combine(left.part(str(i)), right.part(str(i))) for i in range(left.params["count"])
    )


RULES: Mapping[str, type[MergeRule]] = {
    "BernoulliNB": FeatureCounts,
    "BernoulliRBM": BoltzmannMachine,
    "Birch": Subclusters,
    "CategoricalNB": CategoryCounts,
    "ComplementNB": FeatureCounts,
    "GaussianNB": BayesMoments,
    "IncrementalPCA": Components,
    "LatentDirichletAllocation": Topics,
    "MLPClassifier": Perceptrons,
    "MLPRegressor": Perceptrons,
    "MaxAbsScaler": Magnitude,
    "MinMaxScaler": MinMax,
    "MiniBatchDictionaryLearning": Dictionary,
    "MiniBatchKMeans": Centres,
    "MiniBatchNMF": Factors,
    "MultinomialNB": FeatureCounts,
    "MultiOutputClassifier": Nested,
    "MultiOutputRegressor": Nested,
    "OneVsOneClassifier": Nested,
    "OneVsRestClassifier": Nested,
    "PassiveAggressiveClassifier": LinearSums,
    "PassiveAggressiveRegressor": LinearSums,
    "Perceptron": LinearSums,
    "SGDClassifier": LinearSums,
    "SGDOneClassSVM": LinearSteps,
    "SGDRegressor": LinearSums,
    "SelectFromModel": Nested,
    "StandardScaler": ScalerMoments,
}
"""Rules by class name. HashingVectorizer, which has no state, needs none."""


def rule_for(estimator: Any, *, n_features: int | None, merge: str) -> MergeRule:
    """Return the rule that merges fitted copies of an estimator.

    Parameters
    ----------
    n_features : int or None
        Number of features of the rows; None if not known yet.
    merge : str
        For linear models by SGD that are not nested: ``mean``, or a name that `LinearSums` takes.
    """
    kind = RULES[public_name(estimator)]
    if issubclass(kind, Nested):
        return kind(rule_for(estimator.estimator, n_features=n_features, merge="mean"))
    if issubclass(kind, LinearSums):
        return LinearSteps() if merge == "mean" else kind(merge)
    if issubclass(kind, Components):
        kept = estimator.n_components
        return kind(exact=None not in (kept, n_features) and kept >= n_features)
    return kind()
