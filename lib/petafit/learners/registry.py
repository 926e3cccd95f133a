"""Registry of all learners by name, ``FAMILY.ClassName``."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, get_args

from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError, did_you_mean
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import DType, Layout
from petafit.learners import objective
from petafit.learners.base import Kind, Learner, Output, refuse_to_merge
from petafit.learners.documentation import Parameter, parameters_of, summary
from petafit.learners.objective import Objective
from petafit.learners.online.aggregator import (
    FIT_ONLY,
    OnlineLearner,
    name_of,
    online_estimator,
)
from petafit.learners.online.estimator import OnlineEstimator
from petafit.learners.online.factorization.estimators import (
    FactorizationMachineClassifier,
    FactorizationMachineRegressor,
)
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.ridge.learner import Ridge
from petafit.learners.sklearn.classes import INCREMENTAL, STATELESS, find_class
from petafit.learners.xgboost import parameters as xgboost
from petafit.learners.xgboost.documentation import documentation as xgboost_documentation
from petafit.learners.xgboost.package import has_xgboost

if TYPE_CHECKING:
    from petafit.learners.sklearn.learner import SklearnLearner

Family = Literal["petafit", "sklearn", "mllib", "xgboost"]

_ONLINE: Mapping[str, type[OnlineEstimator]] = {
    name_of(kind): kind
    for kind in (
        FactorizationMachineClassifier,
        FactorizationMachineRegressor,
        OnlineLinearClassifier,
        OnlineLinearRegressor,
    )
}
"""petafit's online estimators, by full name."""


@dataclass(frozen=True)
class LearnerInfo:
    """A learner's properties that are known without data.

    Attributes
    ----------
    kind : {"classifier", "regressor", "clusterer", "recommender", "other"}
    output : {"probability", "margin", "value", "cluster"}
        Meaning of its predictions.
    layout, dtype : str
        Layout and type of X; MLlib has its own vectors.
    exact, mergeable : bool
        See `petafit.learners.base.Learner`.
    objective : Objective
        The loss that it minimises, by which its models are judged.
    """

    name: str
    family: Family
    kind: Kind
    output: Output
    layout: Layout
    dtype: DType
    exact: bool
    mergeable: bool
    objective: Objective

    @property
    def needs_label(self) -> bool:
        """Return whether it cannot learn without a label."""
        return self.kind != "clusterer" and self.objective != objective.PERCENTILE_RANK

    def check_shards(self, shards: int) -> None:
        """Refuse more shards than the learner can merge.

        Raises
        ------
        ConfigurationError
            There are several shards and the learner cannot merge.
        """
        if shards > 1 and not self.mergeable:
            raise refuse_to_merge(self.name, shards)


def learner_names() -> list[str]:
    """Return the names of all learners; those of MLlib and XGBoost only if they are installed."""
    sklearn = (f"sklearn.{name}" for name in INCREMENTAL if name != STATELESS)
    spark = (f"mllib.{name}" for name in (_mllib().estimator_names() if _has_spark() else []))
    trees = (f"xgboost.{name}" for name in (xgboost.KINDS if has_xgboost() else ()))
    return sorted([*_ONLINE, Ridge.name, *sklearn, *spark, *trees])


def documentation(full_name: str) -> tuple[str, list[Parameter]]:
    """Return a learner's summary and its parameters, from the documentation of its class.

    Raises
    ------
    ConfigurationError
        An unknown learner.
    """
    family, name = _split(full_name)
    if family == "mllib":
        return _mllib("documentation").documentation(name)
    if family == "xgboost":
        return xgboost_documentation(name)
    if family == "sklearn":
        kind = find_class(name)
        return summary(kind), parameters_of(kind)
    if full_name == Ridge.name:
        return summary(Ridge), parameters_of(Ridge, leave_out={"n_features"})
    kind = _online_class(full_name)
    return summary(kind), parameters_of(kind, leave_out=FIT_ONLY, related=_ONLINE.values())


def describe(choice: LearnerChoice) -> LearnerInfo:
    """Return a learner's properties without data, Spark or a JVM.

    Raises
    ------
    ConfigurationError
        An unknown learner, unknown or invalid parameters.
    """
    family, name = _split(choice.name)
    if family == "mllib":
        kind, output = _mllib().describe(name, choice.params)
        # Spark itself combines the partitions, whatever their number.
        own_loss = objective.of_mllib(name, choice.params, output)
        return LearnerInfo(
            choice.name, family, kind, output, "csr", "float64", True, True, own_loss
        )
    if family == "xgboost":
        kind, output = xgboost.describe(name, choice.params)
        # XGBoost sums the histograms of all workers, whatever their number.
        own_loss = objective.of_xgboost(name, choice.params)
        return LearnerInfo(
            choice.name, family, kind, output, "csr", "float32", True, True, own_loss
        )
    learner: Learner[Any]
    own_loss = objective.SQUARED_ERROR
    if choice.name == Ridge.name:
        learner = Ridge.from_params(choice.params, n_features=None)
    elif family == "petafit":
        own = _online(choice)
        own_loss = objective.of_online(own.loss, own.quantile)
        return LearnerInfo(
            choice.name, family, own.kind, own.output, "csr", "float32", False, True, own_loss
        )
    else:
        learner = _sklearn()(name, choice.params, n_features=None, n_classes=2)
        own_loss = objective.of_sklearn(learner.template, learner.output)
    return LearnerInfo(
        name=choice.name,
        family=family,
        kind=learner.kind,
        output=learner.output,
        layout=learner.layout,
        dtype=learner.dtype,
        exact=learner.exact,
        mergeable=learner.mergeable,
        objective=own_loss,
    )


def make_learner(
    choice: LearnerChoice,
    *,
    n_features: int,
    statistics: TableStatistics,
    seed: int = 0,
    merge: str = "auto",
) -> Learner[Any]:
    """Build an incremental learner.

    Parameters
    ----------
    statistics : TableStatistics
        Statistics of the training table: the label's classes, or its mean and deviation.
    seed : int
        Seed of all random choices.
    merge : str
        Merge rule of approximate linear learners, from `online.merging.rules`.

    Raises
    ------
    ConfigurationError
        An unknown learner, unknown or invalid parameters, a label that does not fit, or one of
        MLlib's estimators, which do not learn incrementally.
    """
    _check_label(describe(choice), statistics)
    family, name = _split(choice.name)
    if family == "mllib":
        raise ConfigurationError(
            f"{choice.name} is an estimator of Spark: it does not learn incrementally",
            hint="Use `petafit.learners.mllib.estimators.make_estimator`.",
        )
    if family == "xgboost":
        raise ConfigurationError(
            f"{choice.name} grows trees on all rows: it does not learn incrementally",
            hint="Use `petafit.train`.",
        )
    if choice.name == Ridge.name:
        return Ridge.from_params(choice.params, n_features=n_features)
    if family == "petafit":
        estimator = _online(choice).set_params(random_state=seed)
        return OnlineLearner(estimator, n_features=n_features, statistics=statistics, merge=merge)
    n_classes = None if statistics.classes is None else len(statistics.classes)
    return _sklearn()(
        name,
        choice.params,
        n_features=n_features,
        n_classes=n_classes,
        rows=statistics.rows,
        seed=seed,
        merge=merge,
    )


def has_automatic_rate(choice: LearnerChoice) -> bool:
    """Return whether the learner takes steps whose size is left to petafit."""
    return choice.name in _ONLINE and _online(choice).learning_rate == "auto"


def _check_label(learner: LearnerInfo, statistics: TableStatistics) -> None:
    numbers = statistics.classes is None
    if (learner.kind, numbers) in (("classifier", True), ("regressor", False)):
        raise ConfigurationError(
            f"{learner.name} is a {learner.kind}",
            expected="classes as label" if numbers else "a number as label",
            got="a number" if statistics.classes is None else f"{len(statistics.classes)} classes",
            hint="Choose another learner, or set `label.kind`.",
        )


def _online(choice: LearnerChoice) -> OnlineEstimator:
    return online_estimator(_online_class(choice.name), choice.params)


def _online_class(full_name: str) -> type[OnlineEstimator]:
    if full_name not in _ONLINE:
        raise ConfigurationError(
            f"No learner {full_name!r}", hint=did_you_mean(full_name, learner_names())
        )
    return _ONLINE[full_name]


def _split(full_name: str) -> tuple[Family, str]:
    family, _, name = full_name.partition(".")
    for known in get_args(Family):
        if family == known and name:
            return known, name
    raise ConfigurationError(
        f"No learner {full_name!r}", hint=did_you_mean(full_name, learner_names())
    )


def _sklearn() -> type["SklearnLearner"]:
    """Import the learner of scikit-learn's classes, whose merge rules import most of them."""
    from petafit.learners.sklearn.learner import SklearnLearner

    return SklearnLearner


def _mllib(module: str = "estimators") -> ModuleType:
    """Import a module of MLlib's estimators; the only ones here that need pyspark."""
    if not _has_spark():
        raise ConfigurationError(
            "MLlib's estimators need pyspark", hint="Install it: pip install 'petafit[spark]'."
        )
    return import_module(f"petafit.learners.mllib.{module}")


def _has_spark() -> bool:
    return find_spec("pyspark") is not None
