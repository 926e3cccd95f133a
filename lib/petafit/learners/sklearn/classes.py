"""The scikit-learn classes that learn incrementally: a fixed list, no other is ever loaded."""

import importlib
from collections.abc import Mapping
from typing import Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from petafit.errors import ConfigurationError, did_you_mean

_CLASSES: Mapping[str, tuple[str, ...]] = {
    "sklearn.cluster": ("Birch", "MiniBatchKMeans"),
    "sklearn.decomposition": (
        "IncrementalPCA",
        "LatentDirichletAllocation",
        "MiniBatchDictionaryLearning",
        "MiniBatchNMF",
    ),
    "sklearn.feature_extraction.text": ("HashingVectorizer",),
    "sklearn.feature_selection": ("SelectFromModel",),
    "sklearn.linear_model": (
        "PassiveAggressiveClassifier",
        "PassiveAggressiveRegressor",
        "Perceptron",
        "SGDClassifier",
        "SGDOneClassSVM",
        "SGDRegressor",
    ),
    "sklearn.multiclass": ("OneVsOneClassifier", "OneVsRestClassifier"),
    "sklearn.multioutput": ("MultiOutputClassifier", "MultiOutputRegressor"),
    "sklearn.naive_bayes": (
        "BernoulliNB",
        "CategoricalNB",
        "ComplementNB",
        "GaussianNB",
        "MultinomialNB",
    ),
    "sklearn.neural_network": ("BernoulliRBM", "MLPClassifier", "MLPRegressor"),
    "sklearn.preprocessing": ("MaxAbsScaler", "MinMaxScaler", "StandardScaler"),
}

_PARTS: Mapping[str, tuple[str, ...]] = {
    "petafit.learners.sklearn.patched": (
        "IncrementalGaussianNB",
        "SeededDictionaryLearning",
        "SteadyMagnitude",
        "SteadyRange",
        "SteadyScaler",
        "SteppedRBM",
    ),
    "sklearn.cluster._birch": ("_CFNode", "_CFSubcluster"),
    "sklearn.multiclass": ("_ConstantPredictor",),
    "sklearn.neural_network._stochastic_optimizers": ("AdamOptimizer", "SGDOptimizer"),
    "sklearn.preprocessing": ("LabelBinarizer",),
}


STATELESS = "HashingVectorizer"
"""The class with `partial_fit` that takes text and has no state."""


def _by_name(modules: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {name: module for module, names in modules.items() for name in names}


INCREMENTAL = _by_name(_CLASSES)
"""Module of each class with `partial_fit`, by its name."""

STORABLE = {**_by_name(_PARTS), **INCREMENTAL}
"""Module of each class that may occur in a fitted estimator, by its name."""


def public_name(estimator: Any) -> str:
    """Return the name of the incremental class of an estimator, or of the class it replaces."""
    return next(kind.__name__ for kind in type(estimator).__mro__ if kind.__name__ in INCREMENTAL)


def find_class(name: str) -> type[Any]:
    """Return the incremental scikit-learn class of that name.

    Raises
    ------
    ConfigurationError
        There is none, or it cannot learn from rows of features.
    """
    if name == STATELESS:
        raise ConfigurationError(
            f"sklearn.{name} hashes text and has no state to learn or merge",
            hint="Hash text with `features: [{text: COLUMN}]`, and choose a class that learns.",
        )
    if name not in INCREMENTAL:
        known = [f"sklearn.{known}" for known in INCREMENTAL if known != STATELESS]
        what, hint = f"No scikit-learn class {name!r}", did_you_mean(f"sklearn.{name}", known)
        if _exists(name):
            what = f"sklearn.{name} does not learn incrementally: it has no `partial_fit`"
            hint = f"These have it: {', '.join(sorted(known))}."
        raise ConfigurationError(what, hint=hint)
    return load_class(name)


def load_class(name: str) -> type[Any]:
    """Import the class of that name in `STORABLE`."""
    found: type[Any] = getattr(importlib.import_module(STORABLE[name]), name)
    return found


def _exists(name: str) -> bool:
    from sklearn.utils import all_estimators  # imports all of scikit-learn

    return name in dict(all_estimators())


def is_fitted(estimator: Any) -> bool:
    """Return whether an estimator has learnt from rows."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
