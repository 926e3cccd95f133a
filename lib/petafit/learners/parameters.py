"""Construction of estimators from a task file's parameters, with errors that name the mistake."""

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

from petafit.errors import ConfigurationError, did_you_mean

Estimator = TypeVar("Estimator")


def parameter_names(kind: type) -> list[str]:
    """Return the names of a class's parameters."""
    names = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return [name for name in names if name not in ("self", "args", "kwargs")]


def check_names(name: str, given: Mapping[str, Any], known: list[str]) -> None:
    """Refuse parameters that a learner does not have.

    Raises
    ------
    ConfigurationError
    """
    for parameter in given:
        if parameter not in known:
            raise ConfigurationError(
                f"{name} has no parameter {parameter!r}", hint=did_you_mean(parameter, known)
            )


def build(
    kind: type[Estimator],
    params: Mapping[str, Any],
    *,
    name: str,
    refused: Mapping[str, str] | None = None,
) -> Estimator:
    """Build an estimator with scikit-learn's interface, its parameters validated.

    Parameters
    ----------
    params : mapping
        As parsed from YAML: a list may stand for a tuple.
    name : str
        The learner's name in messages.
    refused : mapping of str to str, optional
        Parameters that are meaningless here, with the setting to use instead.

    Raises
    ------
    ConfigurationError
        An unknown, missing, refused or invalid parameter.
    """
    check_names(name, params, parameter_names(kind))
    for parameter, hint in (refused or {}).items():
        if parameter in params:
            raise ConfigurationError(f"{name} does not use {parameter!r} here", hint=hint)
    try:
        estimator = kind(**_as_declared(kind, params))
        estimator._validate_params()  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} does not accept its parameters",
            got=str(error).rstrip("."),
            hint="Check `learner.params`.",
        ) from error
    return estimator


def _as_declared(kind: type, params: Mapping[str, Any]) -> dict[str, Any]:
    """Convert lists to tuples if the default is a tuple."""
    declared = inspect.signature(kind.__init__).parameters  # type: ignore[misc]
    return {
        name: tuple(value)
        if isinstance(value, list) and isinstance(declared[name].default, tuple)
        else value
        for name, value in params.items()
    }
