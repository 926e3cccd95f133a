"""Tasks of recommenders, which read ids of users and items, a label, and no features."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from petafit.config.settings import LearnerChoice, Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.learners.mllib.ids import stored_type

ID_PARAMS = ("userCol", "itemCol")
"""The parameters that name the columns of ids."""


def is_implicit(params: Mapping[str, Any]) -> bool:
    """Return whether the label counts what users did, and does not rate items.

    Raises
    ------
    ConfigurationError
        The parameter is neither true nor false.
    """
    given = params.get("implicitPrefs", False)
    if not isinstance(given, bool):
        raise ConfigurationError(
            "`learner.params.implicitPrefs` is wrong", expected="true or false", got=repr(given)
        )
    return given


def id_columns(choice: LearnerChoice) -> tuple[str, str]:
    """Return the columns of users and items.

    Raises
    ------
    ConfigurationError
        One is not named, or both are the same.
    """
    user, item = (_column(choice, name) for name in ID_PARAMS)
    if user == item:
        raise ConfigurationError(
            f"{choice.name} needs two columns, with the ids of users and of items",
            got=f"{user!r} for both",
            hint="Name another column as `learner.params.userCol` or `itemCol`.",
        )
    return user, item


def _column(choice: LearnerChoice, parameter: str) -> str:
    column = choice.params.get(parameter)
    if not isinstance(column, str):
        raise ConfigurationError(
            f"{choice.name} needs the columns with the ids of users and of items",
            expected=f"learner.params.{parameter}: a column of the table",
            got=repr(column),
        )
    return column


def check_task(settings: Settings, schema: pa.Schema) -> None:
    """Refuse a task that names what a recommender does not read, or ids that it cannot.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of the table; has the columns of ids.

    Raises
    ------
    ConfigurationError
        There are features, weights of ratings, or a column has two meanings.
    ContractError
        Ids are neither text nor whole numbers.
    """
    choice = settings.learner
    if settings.features != "auto":
        raise ConfigurationError(
            f"{choice.name} reads users, items and ratings, and no features",
            hint="Remove `features`, or choose another learner.",
        )
    implicit = is_implicit(choice.params)
    if settings.weight is not None and not implicit:
        raise ConfigurationError(
            f"{choice.name} takes no weights of ratings",
            hint="Remove `weight`, or set `learner.params.implicitPrefs` if the label counts.",
        )
    for parameter, column in zip(ID_PARAMS, id_columns(choice), strict=True):
        for role, other in (("label", settings.label.column), ("weight", settings.weight)):
            if column == other:
                raise ConfigurationError(
                    f"The column {column!r} is named as `{role}` and as "
                    f"`learner.params.{parameter}`",
                    hint="Name another column as one of them.",
                )
        if stored_type(schema.field(column).type) is None:
            raise ContractError(
                f"The column {column!r} holds no ids, named as `learner.params.{parameter}`",
                expected="text or whole numbers",
                got=schema.field(column).type,
                hint="Cast the column in `prepare`.",
            )
