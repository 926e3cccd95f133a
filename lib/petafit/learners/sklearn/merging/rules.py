"""The merge rule of every scikit-learn class that learns incrementally."""

from collections.abc import Mapping
from typing import Any

from petafit.learners.sklearn.classes import public_name
from petafit.learners.sklearn.merging.averages import LinearSteps
from petafit.learners.sklearn.merging.clusters import Centres
from petafit.learners.sklearn.merging.components import Components
from petafit.learners.sklearn.merging.counts import CategoryCounts, FeatureCounts
from petafit.learners.sklearn.merging.extremes import Magnitude, MinMax
from petafit.learners.sklearn.merging.factors import Dictionary, Factors, Topics
from petafit.learners.sklearn.merging.linear_sums import LinearSums
from petafit.learners.sklearn.merging.moments import BayesMoments, ScalerMoments
from petafit.learners.sklearn.merging.nested import Nested
from petafit.learners.sklearn.merging.networks import BoltzmannMachine, Perceptrons
from petafit.learners.sklearn.merging.rule import MergeRule
from petafit.learners.sklearn.merging.subclusters import Subclusters

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
