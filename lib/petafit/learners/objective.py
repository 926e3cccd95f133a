"""The loss that each learner minimises, by which its models are judged.

Each is the mean over rows of one of these, for a label y and a prediction p of the same unit, a
class position y with margins m_c or probabilities p_c, and a parameter a; all are scalars::

    log_loss                          -log p_y
    error_rate                        1 if the decision is not y, else 0
    hinge_loss                        sum_c max(0, 1 - s_c m_c)          s_c = 1 if c = y else -1
    squared_hinge_loss                sum_c max(0, 1 - s_c m_c)**2
    mean_squared_error                (y - p)**2
    mean_absolute_error               |y - p|
    pinball_loss                      max(a (y - p), (a - 1) (y - p))    a: the quantile
    poisson_deviance                  2 (y log(y / p) - y + p)
    gamma_deviance                    2 (log(p / y) + y / p - 1)
    tweedie_deviance                  2 (y**(2 - a) / ((1 - a) (2 - a)) - y p**(1 - a) / (1 - a)
                                         + p**(2 - a) / (2 - a))         a: the power
    huber_loss                        d**2 / 2 if d <= a else a (d - a / 2)      d = |y - p|
    epsilon_insensitive_loss          max(0, |y - p| - a)
    squared_epsilon_insensitive_loss  max(0, |y - p| - a)**2
    mean_squared_distance             d**2      d: the distance of a row from its cluster's center
    mean_distance                     d
    negative_log_likelihood           -log of the density of a mixture at the row
    mean_percentile_rank              the place of a row's item among all, as its user prefers them

With two classes there is one margin and one term, that of the second class. A deviance is twice the
log likelihood's distance from that of a perfect fit. `petafit.evaluation` computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from petafit.learners.sklearn.classes import public_name
from petafit.learners.xgboost.parameters import KINDS, objective_of


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss, named like the metric that is its mean over rows.

    Attributes
    ----------
    name : str
        A name of `petafit.evaluation.regression.OF_NUMBERS` or
        `petafit.evaluation.classification.OF_MARGINS`; or ``log_loss``, or ``error_rate`` where the
        learner's own loss does not measure quality.
    parameter : float
        The quantile, the width or the power of the loss; 0 for losses without a parameter.
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
SQUARED_DISTANCE = Objective("mean_squared_distance")
COSINE_DISTANCE = Objective("mean_distance")
NEGATIVE_LOG_LIKELIHOOD = Objective("negative_log_likelihood")
PERCENTILE_RANK = Objective("mean_percentile_rank")

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
"""scikit-learn's losses of residuals with the parameter `epsilon`."""

_TWEEDIE_POWERS: Mapping[str, float] = {"gaussian": 0.0, "poisson": 1.0, "gamma": 2.0}


def of_output(output: str) -> Objective:
    """Return the default objective for a learner's kind of output."""
    return _OF_OUTPUT[output]


def of_online(loss: str, quantile: float) -> Objective:
    """Return the objective of one of petafit's online estimators."""
    if loss == "quantile":
        return Objective("pinball_loss", float(quantile))
    return {
        "log": LOG_LOSS,
        "hinge": HINGE_LOSS,
        "squared": SQUARED_ERROR,
        "poisson": POISSON_DEVIANCE,
    }[loss]


def of_sklearn(estimator: Any, output: str) -> Objective:
    """Return the objective of an unfitted scikit-learn estimator, nested ones included.

    The error rate is used where the own loss is no measure: a perceptron's is minimal at weights of
    0, and one-vs-one margins belong to no loss over all classes.
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


def of_xgboost(name: str, params: Mapping[str, Any]) -> Objective:
    """Return the objective of one of XGBoost's learners."""
    match objective_of(name, params):
        case "reg:absoluteerror":
            return ABSOLUTE_ERROR
        case "reg:quantileerror":
            return Objective("pinball_loss", float(params.get("quantile_alpha", 0.5)))
        case "count:poisson":
            return POISSON_DEVIANCE
        case "reg:gamma":
            return Objective("gamma_deviance")
        case "reg:tweedie":
            return Objective("tweedie_deviance", float(params.get("tweedie_variance_power", 1.5)))
        case _:
            return LOG_LOSS if KINDS[name] == "classifier" else SQUARED_ERROR


def of_mllib(name: str, params: Mapping[str, Any], output: str) -> Objective:
    """Return the objective of one of MLlib's estimators."""
    if name == "LinearSVC":
        return HINGE_LOSS
    if name == "ALS" and params.get("implicitPrefs") is True:
        return PERCENTILE_RANK
    if name == "GaussianMixture":
        return NEGATIVE_LOG_LIKELIHOOD
    if output == "cluster":
        return COSINE_DISTANCE if params.get("distanceMeasure") == "cosine" else SQUARED_DISTANCE
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
