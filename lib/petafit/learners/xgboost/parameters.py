"""Parameters of XGBoost's learners, validated, with petafit's defaults."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from petafit.errors import ConfigurationError, did_you_mean
from petafit.learners.base import Kind, Output
from petafit.learners.parameters import check_names
from petafit.learners.xgboost.package import xgboost_package

KINDS: Mapping[str, Kind] = {"XGBClassifier": "classifier", "XGBRegressor": "regressor"}

_OBJECTIVES: Mapping[str, Mapping[str, str]] = {
    "XGBClassifier": {"binary:logistic": "logloss", "multi:softprob": "mlogloss"},
    "XGBRegressor": {
        "reg:squarederror": "rmse",
        "reg:absoluteerror": "mae",
        "reg:quantileerror": "quantile",
        "reg:gamma": "gamma-deviance",
        "reg:tweedie": "tweedie-nloglik",
        "count:poisson": "poisson-nloglik",
    },
}
"""The objectives of each learner, with the metric that is minimal where the objective is."""

_OF_OBJECTIVES: Mapping[Kind, tuple[str, ...]] = {
    "classifier": (),
    "regressor": ("quantile_alpha", "tweedie_variance_power"),
}
"""Parameters of objectives, which the classes take but do not name."""

_DEFAULTS: Mapping[str, Any] = {
    "learning_rate": 0.1,
    "max_depth": 6,
    "max_bin": 256,
}
"""Where petafit's differ from XGBoost's: smaller steps. On the census table they give a log-loss of
.1084, with XGBoost's own .3 it was .1122.
"""

_TREES = 1000
_TREES_WITHOUT_VALIDATION = 200
_PATIENCE = 20

REFUSED: Mapping[str, str] = {
    "callbacks": "Progress and checkpoints are petafit's.",
    "device": "petafit trains on processors.",
    "enable_categorical": "The features of the task say which columns are categories.",
    "eval_metric": "The metric of the objective, on the rows of `split.validation`, ends training.",
    "feature_types": "The features of the task say which columns are categories.",
    "feature_weights": "They belong to the columns of one matrix.",
    "importance_type": "The manifest has the total gain of each column.",
    "missing": "Nulls and NaNs are missing.",
    "multi_strategy": "There is one tree for each class.",
    "random_state": "Set `training.seed`.",
    "validate_parameters": "Parameters are always validated.",
    "verbosity": "Use `petafit train --verbose`.",
}
OF_COLUMNS = ("monotone_constraints", "interaction_constraints")
"""Parameters that name columns."""

_PLACE = re.compile(r"^\[[\d:]+\] \S+: ")
"""The time and the line of code before XGBoost's messages."""

_ONLY: Mapping[str, tuple[str, ...]] = {
    "booster": ("gbtree", "dart"),
    "tree_method": ("hist", "auto"),
}


@dataclass(frozen=True)
class Boosting:
    """XGBoost's instructions.

    Attributes
    ----------
    params : mapping
        Of `xgboost.Booster`.
    trees : int
        The largest number of rounds of boosting; each adds a tree, or one for each class.
    patience : int
        Rounds without gain on the validation rows, after which boosting ends.
    metric : str
        Its name for the loss on these rows.
    """

    params: Mapping[str, Any]
    trees: int
    patience: int
    metric: str

    def ends(self, losses: Sequence[float]) -> bool:
        """Return whether the losses on the validation rows end the training."""
        return bool(losses) and len(losses) - best_rounds(losses) >= self.patience

    def is_done(self, rounds: int, losses: Sequence[float]) -> bool:
        """Return whether so many rounds are all."""
        return rounds >= self.trees or self.ends(losses)

    def check_columns(self, names: Sequence[str]) -> None:
        """Refuse constraints of columns that there are not.

        Raises
        ------
        ConfigurationError
        """
        monotone = self.params.get("monotone_constraints") or {}
        groups = self.params.get("interaction_constraints") or []
        if not isinstance(monotone, Mapping) or not all(isinstance(g, list) for g in groups):
            raise ConfigurationError(
                "Constraints of XGBoost's trees name columns",
                expected="monotone_constraints: {age: 1}, interaction_constraints: [[age, hour]]",
                got=monotone or groups,
            )
        for column in (*monotone, *(each for group in groups for each in group)):
            if column not in names:
                raise ConfigurationError(
                    f"A constraint names {column!r}, which is no column of the trees",
                    hint=did_you_mean(str(column), names),
                )


def best_rounds(losses: Sequence[float]) -> int:
    """Return the number of rounds after which the loss was least.

    Examples
    --------
    >>> best_rounds([0.6, 0.4, 0.5])
    2
    """
    return min(range(len(losses)), key=losses.__getitem__) + 1


def describe(name: str, params: Mapping[str, Any]) -> tuple[Kind, Output]:
    """Return a learner's kind and the meaning of its predictions, with its parameters checked.

    Raises
    ------
    ConfigurationError
        An unknown learner, unknown or invalid parameters, or the package is not installed.
    """
    check_learner(name)
    boosting(name, params, n_classes=None, seed=0, validated=True)
    kind = KINDS[name]
    return kind, "probability" if kind == "classifier" else "value"


def check_learner(name: str) -> None:
    """Refuse the name of an unknown learner.

    Raises
    ------
    ConfigurationError
    """
    if name not in KINDS:
        known = [f"xgboost.{each}" for each in KINDS]
        raise ConfigurationError(
            f"No learner 'xgboost.{name}'", hint=did_you_mean(f"xgboost.{name}", known)
        )


def default_of(name: str, parameter: str, own: Any) -> Any:
    """Return the default of a parameter; `own` is XGBoost's."""
    ours = {
        **_DEFAULTS,
        "n_estimators": _TREES,
        "early_stopping_rounds": _PATIENCE,
        "objective": objective_of(name, {}),
    }
    return ours.get(parameter, own)


def objective_of(name: str, params: Mapping[str, Any], n_classes: int | None = None) -> str:
    """Return the name of the objective.

    Parameters
    ----------
    n_classes : int, optional
        Number of the label's classes; None where it is not known.
    """
    default = "multi:softprob" if (n_classes or 2) > 2 else "binary:logistic"
    given = params.get("objective")
    if KINDS[name] == "regressor":
        return str(given or "reg:squarederror")
    return default if n_classes is not None else str(given or default)


def boosting(
    name: str, params: Mapping[str, Any], *, n_classes: int | None, seed: int, validated: bool
) -> Boosting:
    """Convert the task's parameters to XGBoost's.

    Parameters
    ----------
    n_classes : int or None
        Number of the label's classes; None of a number, and where it is not known.
    validated : bool
        There are validation rows, which end the training.

    Raises
    ------
    ConfigurationError
        Unknown or invalid parameters.
    """
    full_name = f"xgboost.{name}"
    kind = getattr(xgboost_package(), name)
    check_names(full_name, params, [*kind().get_params(), *_OF_OBJECTIVES[KINDS[name]]])
    for parameter, hint in REFUSED.items():
        if parameter in params:
            raise ConfigurationError(f"{full_name} does not use {parameter!r} here", hint=hint)
    objective = objective_of(name, params, n_classes)
    only = {"objective": tuple(_OBJECTIVES[name]), **_ONLY}
    for parameter, allowed in only.items():
        if parameter in params and params[parameter] not in allowed:
            raise ConfigurationError(
                f"{full_name} does not take this {parameter!r} here",
                expected=f"one of {', '.join(allowed)}",
                got=params[parameter],
            )
    given = {key: value for key, value in params.items() if value is not None}
    for parameter in _OF_OBJECTIVES["regressor"]:
        if not isinstance(given.get(parameter, 0.0), int | float):
            raise ConfigurationError(
                f"{full_name} takes one {parameter!r} here",
                expected="a number",
                got=given[parameter],
            )
    trees = _count(
        full_name, given, "n_estimators", _TREES if validated else _TREES_WITHOUT_VALIDATION
    )
    patience = _count(full_name, given, "early_stopping_rounds", _PATIENCE)
    metric = _metric(name, objective, given)
    own = {**_DEFAULTS, **given, "objective": objective, "tree_method": "hist"}
    own |= {"eval_metric": metric, "seed": seed, "verbosity": 0}
    if objective == "multi:softprob":
        own["num_class"] = n_classes or 2
    _check_values(full_name, own)
    return Boosting(own, trees, patience, metric)


def _count(name: str, given: dict[str, Any], parameter: str, default: int) -> int:
    value = given.pop(parameter, default)
    if type(value) is not int or value < 1:
        raise ConfigurationError(
            f"{name} does not accept {parameter!r}", expected="a whole number above 0", got=value
        )
    return value


def _metric(name: str, objective: str, given: Mapping[str, Any]) -> str:
    metric = _OBJECTIVES[name][objective]
    if objective == "reg:tweedie":
        return f"{metric}@{given.get('tweedie_variance_power', 1.5)}"
    return metric


def _check_values(name: str, params: Mapping[str, Any]) -> None:
    """Refuse values that XGBoost itself refuses."""
    xgboost = xgboost_package()
    checked = {key: value for key, value in params.items() if key not in OF_COLUMNS}
    try:
        xgboost.Booster({**checked, "num_feature": 1}).save_config()
    except (xgboost.core.XGBoostError, AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} does not accept its parameters",
            got=_PLACE.sub("", str(error).strip().partition("\n")[0]).rstrip("."),
            hint="Check `learner.params`.",
        ) from error
