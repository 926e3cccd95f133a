"""MLlib's linear models, computed from their stored coefficients without Spark.

With the coefficients B, (n_margins, n_features), and the intercepts b, the margins of the
rows X are ``M = X B^T + b``. A logistic regression of two classes has one margin m, and the second
class the probability ``1 / (1 + exp(-m))``; one of several has the softmax of M. The prediction of
a support vector machine is its margin, that of a linear regression its value.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit, softmax

from petafit.features.encoding.stored import reading
from petafit.learners.mllib.computed import (
    MOST_NUMBERS,
    ComputedModel,
    matrix,
    vector,
)
from petafit.learners.mllib.stored import StoredEstimator
from petafit.store.arrays import StateDict

_FORMS = {
    "LogisticRegressionModel": "logistic",
    "LinearSVCModel": "margin",
    "LinearRegressionModel": "value",
}


@dataclass(frozen=True)
class LinearModel(ComputedModel):
    """A linear model of MLlib's.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (n_margins, n_features)
    intercepts : ndarray of float64, shape (n_margins,)
    form : {"logistic", "margin", "value"}
        What the margins mean.
    thresholds : tuple of float or None
        Of several classes, one for each: the largest ratio of probability to threshold decides. Of
        two, the number above which the second class is predicted. None: as usual.
    """

    coefficients: np.ndarray
    intercepts: np.ndarray
    form: str
    thresholds: tuple[float, ...] | None = None

    @classmethod
    def read(cls, stored: StoredEstimator) -> Self | None:
        """Read a stored model; None if it is not linear, or too large to be sent to workers.

        Raises
        ------
        StorageError
            It is damaged.
        """
        form = _FORMS.get(stored.name)
        if form is None or stored.params.get("offsetCol"):
            return None
        with reading(f"Spark's model in {stored.folder.uri}"):
            data = stored.table("data")
            if form == "logistic":
                stacked = data["coefficientMatrix"][0]
                if stacked["numRows"].as_py() * stacked["numCols"].as_py() > MOST_NUMBERS:
                    return None
                coefficients, intercepts = matrix(stacked), vector(data["interceptVector"][0])
            else:
                coefficients = vector(data["coefficients"][0])[None, :]
                intercepts = np.array([data["intercept"][0].as_py()], np.float64)
        return cls(coefficients, intercepts, form, _thresholds(stored, len(intercepts)))

    @property
    def n_features(self) -> int:
        return int(self.coefficients.shape[1])

    @property
    def n_margins(self) -> int:
        """Number of margins: one for two classes, or for a value."""
        return len(self.intercepts)

    @property
    def n_classes(self) -> int:
        """Number of classes that a classifier distinguishes."""
        return max(2, self.n_margins)

    def predict(self, X: Any) -> np.ndarray:
        margins = X @ self.coefficients.T + self.intercepts
        if margins.shape[1] > 1:
            return np.asarray(softmax(margins, axis=1))
        return np.asarray(expit(margins[:, 0]) if self.form == "logistic" else margins[:, 0])

    def decide(self, predictions: np.ndarray) -> np.ndarray:
        """Return the positions of the classes that the thresholds choose.

        Parameters
        ----------
        predictions : ndarray
            As `predict` gives them.
        """
        assert self.thresholds is not None
        if predictions.ndim == 1:
            return (predictions > self.thresholds[0]).astype(np.intp)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = predictions / np.array(self.thresholds)
        return np.asarray(np.where(np.isnan(scaled), -np.inf, scaled).argmax(axis=1))

    def to_state_dict(self) -> StateDict:
        """Return the content that `from_state_dict` needs: of hashed features, most are 0."""
        places = np.flatnonzero(self.coefficients.any(axis=0))
        arrays = {
            "places": places,
            "coefficients": self.coefficients[:, places],
            "intercepts": self.intercepts,
        }
        thresholds = None if self.thresholds is None else list(self.thresholds)
        params = {"n_features": self.n_features, "form": self.form, "thresholds": thresholds}
        return StateDict(arrays, params)

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        arrays, params = named.arrays, named.params
        coefficients = np.zeros((len(arrays["intercepts"]), params["n_features"]))
        coefficients[:, arrays["places"]] = arrays["coefficients"]
        thresholds = params["thresholds"] and tuple(params["thresholds"])
        return cls(coefficients, arrays["intercepts"], params["form"], thresholds)


def _thresholds(stored: StoredEstimator, n_margins: int) -> tuple[float, ...] | None:
    """Return the thresholds that decide otherwise than usual.

    Of two classes with thresholds t0 and t1, Spark takes the second above ``1 / (1 + t0 / t1)``.
    """
    several, single = stored.params.get("thresholds"), stored.params.get("threshold")
    if stored.name == "LinearRegressionModel":
        return None
    if n_margins > 1:
        return tuple(several) if several else None
    if several:
        first, second = several
        single = 1 / (1 + first / second) if second else 0.0
    usual = 0.5 if stored.name == "LogisticRegressionModel" else 0.0
    return None if single is None or single == usual else (float(single),)
