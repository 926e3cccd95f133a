"""What each learner makes small: the loss by which its models are judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from petafit.learners.sklearn.classes import public_name


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss, by the name of the figure that is its mean over the rows.

    Attributes
    ----------
    name : str
        As `petafit.evaluation.own_losses` knows it; or ``log_loss``, or ``error_rate`` where a
        learner's own loss says nothing of how good it is.
    parameter : float
        The quantile, the width, or the power that the loss depends on; 0 of others.
    """

    name: str
    parameter: float = 0.0


LOG_LOSS = Objective("log_loss")
ERROR_RATE = Objective("error_rate")
HINGE_LOSS = Objective("hinge_loss")
SQUARED_HINGE_LOSS = Objective("squared_hinge_loss")
SQUARED_ERROR = Objective("mean_squared_error")
ABSOLUTE_ERROR = Objective("mean_absolute_error")
POISSON_DEVIANCE = Objective("poisson_deviance")

_OF_OUTPUT: Mapping[str, Objective] = {
    "probability": LOG_LOSS,
    "margin": ERROR_RATE,
    "value": SQUARED_ERROR,
}

_OF_MARGINS: Mapping[str, Objective] = {
    "hinge": HINGE_LOSS,
    "squared_hinge": SQUARED_HINGE_LOSS,
}

_OF_WIDTH: Mapping[str, str] = {
    "huber": "huber_loss",
    "epsilon_insensitive": "epsilon_insensitive_loss",
    "squared_epsilon_insensitive": "squared_epsilon_insensitive_loss",
}
"""scikit-learn's losses of residuals that depend on its parameter `epsilon`."""

_TWEEDIE_POWERS: Mapping[str, float] = {"gaussian": 0.0, "poisson": 1.0, "gamma": 2.0}


def of_output(output: str) -> Objective:
    """The objective of a learner of which no more is known than what it predicts."""
    return _OF_OUTPUT[output]


def of_online(loss: str, quantile: float) -> Objective:
    """That of petafit's online estimators."""
    if loss == "quantile":
        return Objective("pinball_loss", float(quantile))
    return {
        "log": LOG_LOSS,
        "hinge": HINGE_LOSS,
        "squared": SQUARED_ERROR,
        "poisson": POISSON_DEVIANCE,
    }[loss]


def of_sklearn(estimator: Any, output: str) -> Objective:
    """That of an unfitted scikit-learn estimator, nested ones included.

    A perceptron's own loss is least where all weights are 0, and the margins of one class against
    another are no margins of any loss: the share of wrong decisions stands for both.
    """
    name = public_name(estimator)
    if name in ("MultiOutputRegressor", "OneVsRestClassifier"):
        return of_sklearn(estimator.estimator, output)
    loss = str(getattr(estimator, "loss", None))
    if output == "margin" and name != "OneVsOneClassifier":
        return _OF_MARGINS.get(loss, ERROR_RATE)
    if output == "value" and loss in _OF_WIDTH:
        return Objective(_OF_WIDTH[loss], float(estimator.epsilon))
    if output == "value" and loss == "poisson":
        return POISSON_DEVIANCE
    return of_output(output)


def of_mllib(name: str, params: Mapping[str, Any], output: str) -> Objective:
    """That of one of MLlib's estimators."""
    if name == "LinearSVC":
        return HINGE_LOSS
    if name == "GBTRegressor" and params.get("lossType") == "absolute":
        return ABSOLUTE_ERROR
    if name == "GeneralizedLinearRegression":
        family = str(params.get("family", "gaussian")).lower()
        power = _TWEEDIE_POWERS.get(family, 0.0)
        if family == "tweedie":
            power = float(params.get("variancePower", 0.0))
        named = {0.0: SQUARED_ERROR, 1.0: POISSON_DEVIANCE, 2.0: Objective("gamma_deviance")}
        return named.get(power) or Objective("tweedie_deviance", power)
    return of_output(output)
