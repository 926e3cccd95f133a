"""Every incremental learner with data it can learn from, for the contract that all must keep."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from petafit.config.settings import LearnerChoice
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.registry import make_learner
from petafit.learners.sklearn.classes import INCREMENTAL, STATELESS
from petafit.learners.sklearn.learner import SklearnLearner

N_FEATURES = 6


@dataclass(frozen=True)
class Case:
    """A learner to test."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    n_classes: int | None = 2
    merge: str = "auto"

    def __str__(self) -> str:
        settings = [f"{key}={_label(value)}" for key, value in self.params.items()]
        classes = [f"{self.n_classes} classes"] if (self.n_classes or 2) > 2 else []
        rule = [self.merge] if self.merge != "auto" else []
        return ",".join([self.name, *classes, *rule, *settings])

    @property
    def choice(self) -> LearnerChoice:
        return LearnerChoice(name=self.name, params=dict(self.params))

    @cached_property
    def learner(self) -> Learner[Any]:
        statistics = statistics_of(self.n_classes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PassiveAggressive*, see the contract
            return make_learner(
                self.choice, n_features=N_FEATURES, statistics=statistics, seed=7, merge=self.merge
            )

    @property
    def weighted(self) -> bool:
        """The learner takes weights."""
        return not isinstance(self.learner, SklearnLearner) or self.learner.traits.weighted

    def batches(
        self,
        seed: int,
        *,
        count: int,
        rows: int = 30,
        weighted: bool = False,
        dtype: str | None = None,
    ) -> list[Batch]:
        """Batches of small counts, as every learner takes them; some rows hold an index twice.

        Parameters
        ----------
        weighted : bool
            Weights from 0 to 2, some of them 0.
        dtype : str or None
            Of X; None: the one that the learner asks for.
        """
        random, learner = np.random.default_rng(seed), self.learner
        dtype = dtype or learner.dtype
        batches = [_batch(random, rows, self.n_classes, learner, dtype) for _ in range(count)]
        if weighted:
            batches = [replace(batch, weight=_weights(random, rows)) for batch in batches]
        if self.params.get("loss") == "poisson":
            batches = [Batch(batch.X, random.poisson(np.exp(batch.y / 4))) for batch in batches]
        return batches


def statistics_of(n_classes: int | None) -> TableStatistics:
    """Facts of a table whose label is one of so many classes, or a number."""
    if n_classes is None:
        label = ColumnStatistics(count=30, missing=0, mean=0.5, sd=2.0, minimum=0.0, maximum=9.0)
        return TableStatistics(rows=30, weight=30.0, columns={}, label=label)
    classes, counts = tuple(range(n_classes)), tuple(range(10, 10 + n_classes))
    return TableStatistics(rows=30, weight=30.0, columns={}, classes=classes, class_counts=counts)


def _batch(
    random: np.random.Generator,
    rows: int,
    n_classes: int | None,
    learner: Learner[Any],
    dtype: str,
) -> Batch:
    X = random.integers(0, 4, (rows, N_FEATURES)).astype(dtype)
    score = X[:, 0] - X[:, 1] + random.normal(size=rows)
    y = score
    if n_classes is not None:
        edges = np.linspace(-1.5, 1.5, n_classes - 1) if n_classes > 2 else [0.0]
        y = np.searchsorted(edges, score).astype(np.float64)
    return Batch(X if learner.layout == "dense" else with_duplicates(X), y)


def _weights(random: np.random.Generator, rows: int) -> np.ndarray:
    return np.maximum(random.uniform(-0.5, 2.0, rows), 0.0)


def _label(value: Any) -> Any:
    """A nested estimator by its class, any other value as it is."""
    return value.get("name") if isinstance(value, Mapping) and "name" in value else value


def with_duplicates(X: np.ndarray) -> csr_array:
    """CSR rows in which every value above 2 is held as two that add up."""
    rows, columns = np.nonzero(X)
    values = X[rows, columns]
    split = values > 2
    order = np.argsort(np.r_[rows, rows[split]], kind="stable")
    data = np.r_[np.where(split, values - 1, values), np.ones(split.sum())].astype(X.dtype)
    indices = np.r_[columns, columns[split]].astype(np.int32)
    counts = np.bincount(np.r_[rows, rows[split]], minlength=len(X))
    indptr = np.r_[0, np.cumsum(counts)].astype(np.int32)
    return csr_array((data[order], indices[order], indptr), shape=X.shape)


_SMALL: Mapping[str, Mapping[str, Any]] = {
    "BernoulliRBM": {"n_components": 4},
    "Birch": {"n_clusters": None, "branching_factor": 5},
    "IncrementalPCA": {"n_components": 3},
    "LatentDirichletAllocation": {"n_components": 3},
    "MLPClassifier": {"hidden_layer_sizes": [4]},
    "MLPRegressor": {"hidden_layer_sizes": [4], "solver": "sgd", "nesterovs_momentum": False},
    "MiniBatchDictionaryLearning": {"n_components": 3},
    "MiniBatchKMeans": {"n_clusters": 3},
    "MiniBatchNMF": {"n_components": 3},
    "MultiOutputClassifier": {"estimator": "sklearn.MultinomialNB"},
    "MultiOutputRegressor": {"estimator": "sklearn.SGDRegressor"},
    "OneVsOneClassifier": {"estimator": "sklearn.SGDClassifier"},
    "OneVsRestClassifier": {
        "estimator": {"name": "sklearn.SGDClassifier", "params": {"loss": "log_loss"}}
    },
    "SelectFromModel": {"estimator": "sklearn.Perceptron"},
}


_ONE_VS_REST = {
    "name": "sklearn.OneVsRestClassifier",
    "params": {"estimator": "sklearn.MultinomialNB"},
}
"""A nested estimator that nests another."""


def _sklearn_case(name: str) -> Case:
    n_classes = None if name.endswith("Regressor") else 2
    return Case(f"sklearn.{name}", _SMALL.get(name, {}), n_classes)


def _online(name: str, *losses: Mapping[str, Any], n_classes: int | None = 2) -> Iterator[Case]:
    """Every optimizer with every loss."""
    for params in losses:
        for optimizer in ("adagrad", "ftrl", "sgd"):
            yield Case(name, {**params, "optimizer": optimizer}, n_classes)


CASES = [
    *(_sklearn_case(name) for name in sorted(INCREMENTAL) if name != STATELESS),
    Case("sklearn.SGDClassifier", {"loss": "log_loss"}, n_classes=3),
    Case("sklearn.SGDClassifier", {"loss": "modified_huber", "average": 50}),
    Case("sklearn.SGDRegressor", {"average": True, "learning_rate": "constant"}, n_classes=None),
    Case("sklearn.SGDOneClassSVM", {"average": True}),
    Case("sklearn.SGDClassifier", {"loss": "log_loss"}, merge="mean"),
    Case("sklearn.SGDClassifier", {"loss": "log_loss"}, n_classes=3, merge="evidence"),
    Case("sklearn.SGDRegressor", n_classes=None, merge="touched"),
    Case("sklearn.Perceptron", {"penalty": "l1"}, n_classes=3),
    Case("sklearn.BernoulliNB", {"binarize": 1.0}, n_classes=3),
    Case("sklearn.CategoricalNB", {"min_categories": 6}, n_classes=3),
    Case("sklearn.ComplementNB", {"norm": True}, n_classes=3),
    Case("sklearn.GaussianNB", n_classes=3),
    Case("sklearn.GaussianNB", {"priors": [0.25, 0.75], "var_smoothing": 0.1}),
    Case("sklearn.MultinomialNB", {"alpha": 0.5, "fit_prior": False}, n_classes=3),
    Case("sklearn.MaxAbsScaler", {"copy": False}),
    Case("sklearn.MinMaxScaler", {"feature_range": [-0.1, 0.3], "clip": True}),
    Case("sklearn.StandardScaler", {"with_mean": False}),
    Case("sklearn.StandardScaler", {"with_std": False}),
    Case("sklearn.StandardScaler", {"with_mean": False, "with_std": False}),
    Case("sklearn.IncrementalPCA", {"n_components": N_FEATURES}),
    Case("sklearn.IncrementalPCA", {"n_components": 2, "whiten": True}),
    Case("sklearn.Birch", {"n_clusters": 3, "threshold": 1.0}),
    Case("sklearn.MiniBatchKMeans", {"n_clusters": 4, "reassignment_ratio": 0.0}),
    Case("sklearn.LatentDirichletAllocation", {"n_components": 3, "batch_size": 10}),
    Case("sklearn.MiniBatchDictionaryLearning", {"n_components": 3, "positive_dict": True}),
    Case("sklearn.MiniBatchNMF", {"n_components": 3, "beta_loss": "kullback-leibler"}),
    Case("sklearn.MLPClassifier", {"hidden_layer_sizes": [4, 3], "solver": "sgd"}, n_classes=3),
    Case("sklearn.MLPRegressor", {"hidden_layer_sizes": [3]}, n_classes=None),
    Case("sklearn.OneVsRestClassifier", {"estimator": "sklearn.SGDClassifier"}, n_classes=3),
    Case("sklearn.OneVsRestClassifier", {"estimator": "sklearn.MultinomialNB"}, n_classes=3),
    Case("sklearn.OneVsOneClassifier", {"estimator": "sklearn.BernoulliNB"}, n_classes=3),
    Case("sklearn.OneVsOneClassifier", {"estimator": "sklearn.GaussianNB"}, n_classes=3),
    Case("sklearn.MultiOutputClassifier", {"estimator": _ONE_VS_REST}, n_classes=3),
    Case("sklearn.MultiOutputRegressor", {"estimator": "sklearn.MLPRegressor"}, n_classes=None),
    Case("sklearn.SelectFromModel", {"estimator": "sklearn.SGDRegressor"}, n_classes=None),
    Case("petafit.Ridge", n_classes=None),
    Case("petafit.Ridge", {"alpha": 0}, n_classes=None),
    Case("petafit.Ridge", {"fit_intercept": False}, n_classes=None),
    *_online("petafit.OnlineLinearClassifier", {}, {"loss": "hinge"}),
    *_online("petafit.OnlineLinearClassifier", {}, {"loss": "hinge"}, n_classes=4),
    *_online(
        "petafit.OnlineLinearRegressor",
        {},
        {"loss": "quantile", "quantile": 0.2},
        {"loss": "poisson"},
        n_classes=None,
    ),
    Case("petafit.OnlineLinearClassifier", {"class_weight": "balanced"}),
    Case("petafit.OnlineLinearClassifier", {"class_weight": {"2": 3.0}}, n_classes=3),
    Case("petafit.OnlineLinearClassifier", merge="mean"),
    Case("petafit.OnlineLinearClassifier", n_classes=3, merge="mean"),
    Case("petafit.OnlineLinearClassifier", merge="evidence"),
    Case("petafit.OnlineLinearClassifier", {"optimizer": "ftrl", "l1": 0.5}, merge="evidence"),
    Case("petafit.OnlineLinearClassifier", {"l1": 0.01, "l2": 0.01}),
    Case("petafit.OnlineLinearClassifier", {"optimizer": "ftrl", "l1": 0.5, "l2": 0.1}),
    *_online("petafit.FactorizationMachineClassifier", {}, {"loss": "hinge"}),
    *_online(
        "petafit.FactorizationMachineRegressor",
        {},
        {"loss": "quantile", "quantile": 0.2},
        {"loss": "poisson", "learning_rate": 0.01},
        n_classes=None,
    ),
    Case("petafit.FactorizationMachineClassifier", {"class_weight": "balanced"}),
    Case("petafit.FactorizationMachineClassifier", merge="mean"),
    Case("petafit.FactorizationMachineClassifier", {"l1": 0.01, "l2": 0.01, "factor_l2": 0.1}),
    Case(
        "petafit.FactorizationMachineClassifier",
        {"optimizer": "ftrl", "l1": 0.5, "l2": 0.1, "factor_l2": 1.0, "n_factors": 3},
    ),
]
