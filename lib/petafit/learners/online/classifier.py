"""Class labels for online estimators."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from petafit.features.column_statistics import TableStatistics
from petafit.learners.base import Kind, Output
from petafit.learners.online.csr import UNWEIGHTED
from petafit.learners.online.estimator import OnlineEstimator
from petafit.learners.online.targets import ClassTarget, class_weights


class OnlineClassifier(ClassifierMixin, OnlineEstimator):  # type: ignore[misc]
    """Adds classes, class weights and decisions to an `OnlineEstimator`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    multi_class : bool
        The model supports more than two classes.
    """

    kind: ClassVar[Kind] = "classifier"
    multi_class: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **OnlineEstimator._parameter_constraints,
        "loss": [StrOptions({"log", "hinge"})],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    class_weight: Mapping[Any, float] | Literal["balanced"] | None
    classes_: np.ndarray

    @property
    def output(self) -> Output:
        return "probability" if self.loss == "log" else "margin"

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Take one step per row, in the order given.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,)
            All classes; needed at the first call.
        sample_weight : array-like of shape (n_samples,), optional
            Scales the rows' steps; 0 leaves a row out.
        """
        self._validate_params()
        first = not hasattr(self, "memory_")
        X, y, weight = self._validated(X, y, sample_weight, reset=first)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._aim(classes, weight)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} is not the same as before: {self.classes_!r}")
        return self._learn_once(X, y, weight)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the margins of every row.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            With two classes, positive for the second.
        """
        return self._margins(X)

    @available_if(lambda estimator: estimator.loss == "log")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of every class, (n_samples, n_classes); loss ``log`` only."""
        margins = self._margins(X)
        found = self._target().decode(margins)
        return found if found.ndim == 2 else np.column_stack([1 - found, found])

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the largest margin, (n_samples,)."""
        margins = self._margins(X)
        chosen = margins.argmax(axis=1) if margins.ndim == 2 else margins > 0
        return np.asarray(self.classes_[chosen.astype(np.intp)])

    def target_of_statistics(self, statistics: TableStatistics) -> ClassTarget:
        classes = statistics.classes or ()
        self._refuse(len(classes), "multiclass")
        if self.class_weight == "balanced" and statistics.class_counts is None:
            return ClassTarget(self.loss, len(classes), "balanced")
        counts = np.array(statistics.class_counts or (), np.float64)
        given = self.class_weight
        if isinstance(given, Mapping):  # from a task file, whose keys are strings
            named = {name: c for c in classes for name in (c, str(c), str(c).lower())}
            given = {named.get(key, key): weight for key, weight in given.items()}
        return ClassTarget(self.loss, len(classes), class_weights(given, classes, counts))

    def _aim(self, y: np.ndarray, weight: np.ndarray) -> None:
        self.classes_ = unique_labels(y)
        self._refuse(len(self.classes_), type_of_target(y))

    def _target(self, y: np.ndarray | None = None, weight: np.ndarray = UNWEIGHTED) -> ClassTarget:
        unweighted = ClassTarget(self.loss, len(self.classes_))
        if y is None and self.class_weight == "balanced":
            return ClassTarget(self.loss, len(self.classes_), "balanced")
        counts = unweighted.no_rows()
        if y is not None:
            given = weight if weight.size else None
            counts = np.bincount(y.astype(np.intp), given, minlength=len(counts))
        weights = class_weights(self.class_weight, self.classes_.tolist(), counts)
        return ClassTarget(self.loss, len(self.classes_), weights)

    def _numbers(self, y: np.ndarray) -> np.ndarray:
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise ValueError(f"y holds {unknown.tolist()}, not among {self.classes_.tolist()}.")
        return np.searchsorted(self.classes_, y).astype(np.float64)

    def _refuse(self, n_classes: int, kind: str) -> None:
        if n_classes < 2:
            raise ValueError("Two classes are needed; y has one class only.")
        if n_classes > 2 and not self.multi_class:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{kind}, with {n_classes} classes."
            )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = self.multi_class
        return tags
