"""A single scikit-learn estimator: construction, partial fits and predictions."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.sparse import issparse
from sklearn.base import is_classifier, is_regressor
from sklearn.linear_model import SGDClassifier
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from petafit.errors import ConfigurationError
from petafit.features.encoder import DType, Layout
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Kind, Output, labels_of
from petafit.learners.parameters import build
from petafit.learners.sklearn.classes import find_class, public_name
from petafit.learners.sklearn.patched import REPAIRED, SHARED_START

_DENSE_STEPS = frozenset({"IncrementalPCA"})
"""Classes whose `partial_fit` takes no sparse rows although their `fit` does."""

_TAGS_SAY_SPARSE = get_tags(SGDClassifier()).input_tags.sparse
_SPARSE = frozenset(
    {
        *("BernoulliNB", "BernoulliRBM", "Birch", "ComplementNB", "LatentDirichletAllocation"),
        *("MLPClassifier", "MLPRegressor", "MaxAbsScaler", "MiniBatchKMeans", "MiniBatchNMF"),
        *("MultinomialNB", "PassiveAggressiveClassifier", "PassiveAggressiveRegressor"),
        *("Perceptron", "SGDClassifier", "SGDOneClassSVM", "SGDRegressor", "StandardScaler"),
    }
)
"""Classes that take sparse rows: the tags of scikit-learn 1.6 do not say so."""

_FLOAT64 = frozenset({"GaussianNB", "IncrementalPCA", "StandardScaler"})
"""Classes that lose needed digits if X is float32, also when nested."""

_ADDITIVE = frozenset({"SGDClassifier", "SGDRegressor", "MultinomialNB", "ComplementNB"})
"""Classes for which a repeated index in a row is equivalent to the sum of its values."""


@dataclass(frozen=True)
class Traits:
    """A class's requirements.

    Attributes
    ----------
    target : {"classes", "number"} or None
        Kind of y; None for classes that learn without one.
    predicts : bool
        The class can predict.
    weighted : bool
        The class accepts weights.
    many_targets : bool
        The class accepts y as a matrix.
    additive : bool
        See `_ADDITIVE`.
    """

    name: str
    kind: Kind
    target: Literal["classes", "number"] | None
    output: Output
    predicts: bool
    layout: Layout
    dtype: DType
    weighted: bool
    many_targets: bool
    additive: bool


def build_estimator(
    name: str, params: Mapping[str, Any], *, seed: int, rows: int | None = None
) -> Any:
    """Build an unfitted estimator of the scikit-learn class `name`.

    Parameters
    ----------
    params : mapping
        The class's parameters. A nested estimator is ``sklearn.SGDClassifier`` or
        ``{name: sklearn.SGDClassifier, params: {...}}``.
    seed : int
        Default of every `random_state`.
    rows : int or None
        Default of `total_samples`: the number of training rows, if known.

    Raises
    ------
    ConfigurationError
        An unknown class, an unknown, missing or invalid parameter, or one with which the class has
        no `partial_fit`.
    """
    given = dict(params)
    if "estimator" in given:
        given["estimator"] = _nested(given["estimator"], seed)
    kind, given = find_class(name), {**SHARED_START.get(name, {}), **given}
    estimator = build(REPAIRED.get(name, kind), given, name=f"sklearn.{name}")
    if not hasattr(estimator, "partial_fit"):
        raise ConfigurationError(
            f"sklearn.{name} does not learn incrementally with these parameters",
            got=dict(params),
            hint="Remove the one that asks for all rows at once, such as `solver: lbfgs`.",
        )
    if getattr(estimator, "random_state", seed) is None:
        estimator.set_params(random_state=seed)
    if rows and hasattr(estimator, "total_samples") and "total_samples" not in given:
        estimator.set_params(total_samples=rows)
    return estimator


def traits_of(estimator: Any) -> Traits:
    """Determine an unfitted estimator's traits."""
    name = public_name(estimator)
    accepted = inspect.signature(estimator.partial_fit).parameters
    kind: Kind = "other"
    if is_classifier(estimator) or is_regressor(estimator):
        kind = "classifier" if is_classifier(estimator) else "regressor"
    nested = getattr(estimator, "estimator", None)
    learns = nested if name == "SelectFromModel" else estimator
    sparse = _takes_sparse(estimator) and name not in _DENSE_STEPS
    return Traits(
        name=f"sklearn.{name}",
        kind=kind,
        target="classes" if is_classifier(learns) else "number" if is_regressor(learns) else None,
        output=_output_of(estimator) if kind == "classifier" else "value",
        predicts=hasattr(estimator, "predict"),
        layout="csr" if sparse else "dense",
        dtype="float64" if _needs_float64(estimator) else "float32",
        weighted="sample_weight" in accepted
        and (nested is None or has_fit_parameter(nested, "sample_weight")),
        many_targets=name.startswith("MultiOutput"),
        additive=name in _ADDITIVE,
    )


def _takes_sparse(estimator: Any) -> bool:
    if _TAGS_SAY_SPARSE:
        return bool(get_tags(estimator).input_tags.sparse)
    name, nested = public_name(estimator), getattr(estimator, "estimator", None)
    if nested is not None:
        return _takes_sparse(nested)
    return name in _SPARSE and not (name == "StandardScaler" and estimator.with_mean)


def teach(estimator: Any, traits: Traits, batch: Batch, *, n_classes: int | None) -> None:
    """Call `partial_fit` with the parts of a batch that the class accepts.

    Raises
    ------
    ConfigurationError
        Weights for a class that accepts none, or rows that scikit-learn refuses.
    """
    arguments: dict[str, Any] = {}
    if batch.weight is not None and traits.weighted:
        arguments["sample_weight"] = batch.weight
    elif batch.weight is not None and (batch.weight != 1).any():
        raise ConfigurationError(f"{traits.name} takes no weights", hint="Remove `weight`.")
    if traits.target is not None:
        y = labels_of(batch, traits.name)
        if traits.target == "classes":
            y, classes = y.astype(np.intp), np.arange(n_classes or 0)
            arguments["classes"] = [classes] if traits.many_targets else classes
        arguments["y"] = y[:, None] if traits.many_targets else y
    try:
        estimator.partial_fit(_rows(batch.X, traits), **arguments)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{traits.name} cannot learn from these rows",
            got=str(error).rstrip("."),
            hint="Check `features` and `learner.params`.",
        ) from error


def ask(estimator: Any, traits: Traits, X: Any) -> np.ndarray:
    """Predict in the form of `petafit.learners.base.Learner`.

    Raises
    ------
    ConfigurationError
        The class does not predict.
    sklearn.exceptions.NotFittedError
        It has not seen enough rows.
    """
    if not traits.predicts:
        raise ConfigurationError(
            f"{traits.name} does not predict", hint="Choose a classifier or a regressor."
        )
    method = {"probability": "predict_proba", "margin": "decision_function", "value": "predict"}
    with np.errstate(divide="ignore"):  # the logarithm of a prior of 0: a class not seen yet
        found = getattr(estimator, method[traits.output])(_rows(X, traits))
    if traits.many_targets:
        found = found[0] if traits.output == "probability" else found[:, 0]
    found = np.asarray(found, np.float64)
    two = traits.output == "probability" and found.shape[1] == 2
    return found[:, 1] if two else found


def _rows(X: Any, traits: Traits) -> Any:
    """Convert X to float64 and sum repeated indices, for classes that require it."""
    if traits.dtype == "float64":
        X = X.astype(np.float64, copy=False)
    if traits.additive or not issparse(X) or X.has_canonical_format:
        return X
    X = X.copy()
    X.sum_duplicates()
    return X


def _needs_float64(estimator: Any) -> bool:
    nested = getattr(estimator, "estimator", None)
    return public_name(estimator) in _FLOAT64 or (nested is not None and _needs_float64(nested))


def _output_of(classifier: Any) -> Output:
    if hasattr(classifier, "predict_proba"):
        return "probability"
    if hasattr(classifier, "decision_function"):
        return "margin"
    raise ConfigurationError(
        f"sklearn.{type(classifier).__name__} gives neither probabilities nor margins",
        hint="Nest an estimator that gives probabilities.",
    )


def _nested(value: Any, seed: int) -> Any:
    """Build the nested estimator given by a name, or by a mapping of name and params."""
    choice: Any = {"name": value} if isinstance(value, str) else value
    known = isinstance(choice, Mapping) and choice.keys() - {"params"} == {"name"}
    if not known or not isinstance(choice.get("params") or {}, Mapping):
        raise ConfigurationError(
            "A nested estimator cannot be built",
            expected="'sklearn.CLASS' or {name: 'sklearn.CLASS', params: {...}}",
            got=value,
        )
    family, _, name = str(choice["name"]).partition(".")
    if family != "sklearn":
        raise ConfigurationError(
            f"A nested estimator is one of scikit-learn's, not {choice['name']!r}",
            expected="'sklearn.CLASS'",
        )
    return build_estimator(name, choice.get("params") or {}, seed=seed)
