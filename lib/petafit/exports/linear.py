"""Linear models of all learners in one form: weights, intercepts, and what the margins mean."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from petafit.errors import ConfigurationError
from petafit.learners.mllib.classes import NEVER, positions
from petafit.learners.mllib.linear import LinearModel
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.online.losses import LARGEST_LOG_RATE
from petafit.learners.online.targets import NumberTarget
from petafit.learners.ridge.learner import Ridge
from petafit.models.mllib import MllibModel, SparkModel
from petafit.models.model import Model
from petafit.models.predictor import Predictor

Link = Literal["logistic", "softmax", "margin", "value", "rate"]


@dataclass(frozen=True)
class LinearForm:
    """A linear model: of the row x its margins are ``m = W x + b``.

    Attributes
    ----------
    weights : ndarray of float32 or float64, shape (n_outputs, n_features)
    intercepts : ndarray of float64, shape (n_outputs,)
    link : {"logistic", "softmax", "margin", "value", "rate"}
        The prediction is the second class's probability ``1 / (1 + exp(-m))``; every class's, the
        softmax of the margins; the margins themselves, of a classifier or of a regressor; or
        ``scale exp(min(m, largest))``.
    scale, largest : float
        Of the link ``rate``.
    """

    weights: np.ndarray
    intercepts: np.ndarray
    link: Link
    scale: float = 1.0
    largest: float = LARGEST_LOG_RATE

    @property
    def n_outputs(self) -> int:
        """The number of margins: one for two classes, or for a value."""
        return len(self.intercepts)


def linear_form(model: Predictor | SparkModel) -> LinearForm:
    """Return the linear form of a model.

    Raises
    ------
    ConfigurationError
        The model is not linear in its features, or decides in a way that other programs lack.
    """
    if isinstance(model, MllibModel) and isinstance(model.fitted, LinearModel):
        return _of_mllib(model, model.fitted)
    if isinstance(model, Model):
        found = _of_online(model) or _of_ridge(model)
        if found is not None:
            return found
    raise ConfigurationError(
        f"A model of {model.choice.name} cannot be exported",
        expected="a linear model: petafit.OnlineLinearClassifier, petafit.OnlineLinearRegressor, "
        "petafit.Ridge, mllib.LogisticRegression, mllib.LinearSVC or mllib.LinearRegression",
        hint="Elsewhere predict with petafit: `load_model(...).predict`, or `.transform` in Spark.",
    )


def _of_online(model: Model) -> LinearForm | None:
    learner = model.learner
    if not isinstance(learner, OnlineLearner):
        return None
    estimator, target = learner.estimator, learner.target
    if not isinstance(estimator, OnlineLinearClassifier | OnlineLinearRegressor):
        return None
    weights = model.weights.arrays["weights"]
    form = LinearForm(weights[:-1].T, weights[-1].astype(np.float64), "margin")
    if isinstance(target, NumberTarget):
        if target.loss == "poisson":
            return replace(form, link="rate", scale=target.scale)
        return LinearForm(
            form.weights.astype(np.float64) * target.scale,
            form.intercepts * target.scale + target.offset,
            "value",
        )
    if estimator.loss != "log":
        return form
    return replace(form, link="logistic" if form.n_outputs == 1 else "softmax")


def _of_ridge(model: Model) -> LinearForm | None:
    if not isinstance(model.learner, Ridge):
        return None
    arrays = model.weights.arrays
    return LinearForm(arrays["coef"][None, :], arrays["intercept"].reshape(1), "value")


def _of_mllib(model: MllibModel, fitted: LinearModel) -> LinearForm:
    if fitted.thresholds is not None:
        raise ConfigurationError(
            f"A model of {model.choice.name} with thresholds of its own cannot be exported",
            got=fitted.thresholds,
            hint="Train it without `threshold` and `thresholds`, and decide where it is used.",
        )
    coefficients, intercepts = fitted.coefficients, fitted.intercepts
    listed = len(model.classes or ())
    if fitted.form == "value":
        return LinearForm(coefficients, intercepts, "value")
    if listed == 2:
        if len(intercepts) == 2:
            coefficients, intercepts = np.diff(coefficients, axis=0), np.diff(intercepts)
        return LinearForm(
            coefficients, intercepts, "logistic" if fitted.form == "logistic" else "margin"
        )
    if fitted.form != "logistic":
        raise ConfigurationError(
            f"A model of {model.choice.name} of {listed} classes cannot be exported",
            expected="two classes",
            hint="List two classes in `label.classes`, or choose mllib.LogisticRegression.",
        )
    return _of_several(
        coefficients, intercepts, listed, positions(model.encoder.statistics, fitted.n_classes)
    )


def _of_several(
    coefficients: np.ndarray, intercepts: np.ndarray, listed: int, places: tuple[int, ...]
) -> LinearForm:
    """Return a softmax of all listed classes; those not learnt have a probability of 0.

    One margin m of two classes is the softmax of 0 and m.
    """
    if len(intercepts) == 1:
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    weights, starts = np.zeros((listed, coefficients.shape[1])), np.full(listed, NEVER)
    weights[[*places]], starts[[*places]] = coefficients, intercepts
    return LinearForm(weights, starts, "softmax")
