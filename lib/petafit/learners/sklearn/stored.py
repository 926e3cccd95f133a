"""Validation of a stored scikit-learn estimator against the parameters and sizes of its model.

scikit-learn's compiled code trusts the sizes of an estimator's arrays, and numpy would broadcast
some wrong ones. So each fitted array is compared with the shape that its class produces.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from petafit.errors import StorageError
from petafit.learners.sklearn.classes import INCREMENTAL, STORABLE

_SHAPES: Mapping[str, str] = {
    "classes_": "classes",
    "class_count_": "classes",
    "class_log_prior_": "classes",
    "class_prior_": "classes",
    "category_count_": "features: classes any",
    "feature_count_": "classes features",
    "feature_log_prob_": "classes features",
    "feature_all_": "features",
    "n_categories_": "features",
    "theta_": "classes features",
    "raw_var_": "classes features",
    "var_": "features",
    "mean_": "features",
    "scale_": "features",
    "min_": "features",
    "max_abs_": "features",
    "data_min_": "features",
    "data_max_": "features",
    "data_range_": "features",
    "coef_": "outputs features",
    "intercept_": "outputs",
    "cluster_centers_": "centers features",
    "_counts": "centers",
    "subcluster_centers_": "centers features",
    "subcluster_labels_": "centers",
    "_subcluster_norms": "centers",
    "components_": "centers features",
    "centroid_": "features",
    "linear_sum_": "features",
    "intercept_hidden_": "centers",
    "intercept_visible_": "features",
}
"""Dimensions of fitted arrays; for lists, the length precedes the colon."""

_OF_CLASS: Mapping[str, str] = {
    "CategoricalNB.feature_log_prob_": "features: classes any",
    "IncrementalGaussianNB.var_": "classes features",
    "SGDRegressor.coef_": "features",
    "SGDRegressor.intercept_": "one",
    "PassiveAggressiveRegressor.coef_": "features",
    "PassiveAggressiveRegressor.intercept_": "one",
    "SGDOneClassSVM.coef_": "features",
    "SGDOneClassSVM.offset_": "one",
    "IncrementalPCA.var_": "features",
}
"""Exceptions for single classes."""

_MOST_THREADS = 1024

_NOT_STORED = frozenset({"random_state", "total_samples", "estimator"})
"""Parameters that training may set for a model, or that are estimators themselves."""


def check_estimator(
    estimator: Any, template: Any, *, n_features: int, n_classes: int | None
) -> None:
    """Refuse an estimator that was not fitted to this number of features and classes.

    Parameters
    ----------
    template : object
        An unfitted estimator, with the parameters that the model names.

    Raises
    ------
    StorageError
        Names the class and the attribute.
    """
    if type(estimator) is not type(template):
        raise _wrong(type(template).__name__, type(estimator).__name__, "another class")
    for name, value in template.get_params(deep=False).items():
        if name not in _NOT_STORED and getattr(estimator, name) != value:
            raise _wrong(type(estimator).__name__, name, f"{getattr(estimator, name)!r}")
    if n_classes and not np.array_equal(
        getattr(estimator, "classes_", np.arange(n_classes)), np.arange(n_classes)
    ):
        raise _wrong(type(estimator).__name__, "classes_", "other classes")
    for part in _parts(estimator):
        _check_sizes(part, n_features)


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield the estimator and all objects it holds."""
    waiting, seen = [estimator], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif type(part).__name__ in STORABLE and id(part) not in seen:
            seen.add(id(part))
            waiting.extend(vars(part).values())
            yield part


def _check_sizes(part: Any, n_features: int) -> None:
    kind, held = type(part).__name__, vars(part)
    classes = held.get("classes_")
    if classes is not None and (getattr(classes, "ndim", 0) != 1 or len(classes) < 1):
        raise _wrong(kind, "classes_", f"{classes!r}")
    n_classes = 0 if classes is None else len(classes)
    sizes = {"features": n_features, "one": 1, "classes": n_classes}
    sizes["outputs"] = 1 if n_classes <= 2 else n_classes
    threads = held.get("_n_threads", 1)
    if type(threads) is not int or not 1 <= threads <= _MOST_THREADS:
        raise _wrong(kind, "_n_threads", threads)
    if held.get("n_features_in_", n_features) != n_features:
        raise _wrong(kind, "n_features_in_", held["n_features_in_"])
    if "coefs_" in held:
        _check_layers(kind, held, sizes)
        return
    _check_estimators(kind, held, n_classes)
    for name in held.keys() & _SHAPES.keys() | held.keys() & {"offset_"}:
        declared = _OF_CLASS.get(f"{kind}.{name}", _SHAPES.get(name))
        if declared is not None and held[name] is not None:
            _check_array(kind, name, held[name], declared, sizes)


def _check_array(kind: str, name: str, value: Any, declared: str, sizes: dict[str, int]) -> None:
    """Compare one attribute; the first occurrence of a size defines it."""
    length, _, own = declared.rpartition(": ")
    arrays = [value]
    if length:
        if not isinstance(value, list) or len(value) != sizes[length]:
            raise _wrong(kind, name, "a list of unexpected length")
        arrays = value
    for array in arrays:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise _wrong(kind, name, f"{type(array).__name__}")
        dims = own.split()
        wanted = [
            size if dim == "any" else sizes.setdefault(dim, size)
            for dim, size in zip(dims, array.shape, strict=False)
        ]
        if len(dims) != array.ndim or list(array.shape) != wanted:
            raise _wrong(kind, name, f"{array.dtype} {array.shape}")


def _check_layers(kind: str, held: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Check a network's matrices: each has as many inputs as the one before has outputs."""
    hidden = np.atleast_1d(held["hidden_layer_sizes"]).tolist()
    units = [sizes["features"], *hidden, sizes["outputs"]]
    expected = [(*pair,) for pair in pairwise(units)]
    for name, shapes in (("coefs_", expected), ("intercepts_", [(out,) for _, out in expected])):
        found = held[name]
        if (
            not isinstance(found, list)
            or [getattr(each, "shape", None) for each in found] != shapes
        ):
            raise _wrong(kind, name, "layers of inconsistent sizes")
        if any(each.dtype.kind != "f" for each in found):
            raise _wrong(kind, name, "layers of inconsistent types")


def _check_estimators(kind: str, held: Mapping[str, Any], n_classes: int) -> None:
    if "estimators_" not in held:
        return
    expected = {
        "OneVsRestClassifier": 1 if n_classes == 2 else n_classes,
        "OneVsOneClassifier": math.comb(n_classes, 2),
    }.get(kind, 1)
    found = held["estimators_"]
    known = {*INCREMENTAL, *STORABLE}
    if not isinstance(found, list) or len(found) != expected:
        raise _wrong(kind, "estimators_", "another number of them")
    if not all(type(each).__name__ in known for each in found):
        raise _wrong(kind, "estimators_", "something else")


def _wrong(kind: str, name: str, got: object) -> StorageError:
    return StorageError(
        f"A stored estimator does not fit its model: {kind}.{name}",
        got=str(got)[:200],
        hint="Copy the model again, or train it again.",
    )
