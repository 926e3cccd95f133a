"""A task's columns, named as its table spells them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from petafit.config.feature_groups import (
    FEATURE_KINDS,
    CrossFeatures,
    FeatureGroup,
    StageFeatures,
)
from petafit.config.placeholders import is_unfilled
from petafit.config.settings import ColumnRule, LearnerChoice, Settings
from petafit.errors import ConfigurationError
from petafit.learners.mllib.recommenders import ID_PARAMS
from petafit.table.columns import Spellings
from petafit.table.filters.predicate import parse


def spelled(settings: Settings, columns: Iterable[str]) -> Settings:
    """The settings, with every column named as the table does, whatever the case of its letters.

    Names that the table does not have stay as they are: who needs them refuses them.

    Raises
    ------
    ContractError
        A name may mean several columns.
    ConfigurationError
        Two names of a list are one column, or a condition cannot be understood.
    """
    of = _Speller(Spellings(columns))
    table, split, training = settings.table, settings.split, settings.training
    features = settings.features
    label = settings.label.column and of.name(settings.label.column)
    return settings.model_copy(
        update={
            "table": table.model_copy(update={"filter": of.conditions(table.filter)}),
            "label": settings.label.model_copy(update={"column": label}),
            "weight": settings.weight and of.name(settings.weight),
            "keys": of.names("keys", settings.keys),
            "split": split.model_copy(
                update={
                    "train": of.conditions(split.train),
                    "validation": of.conditions(split.validation),
                    "test": of.conditions(split.test),
                }
            ),
            "features": features if features == "auto" else tuple(map(of.group, features)),
            "contract": settings.contract.model_copy(
                update={"columns": of.rules(settings.contract.columns)}
            ),
            "learner": of.learner(settings.learner),
            "training": training.model_copy(
                update={"keep_summaries": of.names("keep_summaries", training.keep_summaries)}
            ),
        }
    )


class _Speller:
    def __init__(self, table: Spellings) -> None:
        self._table = table

    def name(self, name: str) -> str:
        return self._table.find(name) or name

    def names(self, setting: str, names: Iterable[str]) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for name in names:
            column = self.name(name)
            if column in found:
                raise ConfigurationError(
                    f"`{setting}` names the column {column!r} twice",
                    got=f"{found[column]!r} and {name!r}",
                    hint="The case of letters does not tell columns apart: name it once.",
                )
            found[column] = name
        return tuple(found)

    def rules(self, rules: Mapping[str, ColumnRule]) -> dict[str, ColumnRule]:
        columns = self.names("contract.columns", rules)
        return dict(zip(columns, rules.values(), strict=True))

    def learner(self, choice: LearnerChoice) -> LearnerChoice:
        named = {
            name: self.name(column)
            for name in ID_PARAMS
            if isinstance(column := choice.params.get(name), str)
        }
        return choice.model_copy(update={"params": {**choice.params, **named}}) if named else choice

    def conditions(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(self._condition, texts))

    def group(self, group: FeatureGroup) -> FeatureGroup:
        """Globs and types are no names of columns, and stay; so do stages, which Spark spells."""
        if isinstance(group, StageFeatures):
            return group
        if isinstance(group, CrossFeatures):
            crosses = tuple(tuple(map(self.name, names)) for names in group.cross)
            return group.model_copy(update={"cross": crosses})
        kind = next(kind for kind in FEATURE_KINDS if hasattr(group, kind))
        return group.model_copy(update={kind: tuple(map(self.name, getattr(group, kind)))})

    def _condition(self, text: str) -> str:
        if is_unfilled(text):
            return text
        (condition,) = parse([text]).conditions
        column = self.name(condition.column)
        return text if column == condition.column else str(replace(condition, column=column))
