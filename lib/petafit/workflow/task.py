"""A task, resolved against its table.

Its columns are named as the table spells them; it says what to read, what to check, what to learn.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

import pyarrow as pa

from petafit.config.feature_groups import FEATURE_KINDS, CrossFeatures, FeatureGroup
from petafit.config.placeholders import is_unfilled
from petafit.config.settings import ColumnRule, Contract, Settings
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.features.classes import as_classes
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.target import check_label_type
from petafit.features.feature import Feature, Numeric, columns_of
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.functions.derivation import Derivation
from petafit.functions.module import FunctionModule
from petafit.learners.registry import LearnerInfo, describe
from petafit.table.columns import Spellings, has_column
from petafit.table.contract import Checks, compile_checks
from petafit.table.filters.predicate import parse
from petafit.table.parquet.pandas_index import index_columns
from petafit.table.snapshot import Snapshot


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
    return settings.model_copy(
        update={
            "table": table.model_copy(update={"filter": of.conditions(table.filter)}),
            "label": settings.label.model_copy(update={"column": of.name(settings.label.column)}),
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

    def conditions(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(map(self._condition, texts))

    def group(self, group: FeatureGroup) -> FeatureGroup:
        """Globs and types are no names of columns, and stay."""
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


@dataclass(frozen=True)
class Task:
    """A task's requirements of its table.

    Attributes
    ----------
    schema : pyarrow.Schema
        Of the table, with the derived columns.
    kind : {"classes", "number"}
        What the label is.
    derivation : Derivation or None
        The columns that the features take from functions.
    """

    settings: Settings
    schema: pa.Schema
    learner: LearnerInfo
    features: tuple[Feature, ...]
    kind: Literal["classes", "number"]
    derivation: Derivation | None = None

    @classmethod
    def of(cls, settings: Settings, snapshot: Snapshot) -> Self:
        """Resolve the task against the schema of its table, and what pandas calls its index.

        Raises
        ------
        ContractError
            The table lacks the label, the weight or a key, or the weight is no number.
        ConfigurationError
            Unknown features, or a learner that does not fit the label.
        """
        schema = snapshot.schema
        own = {"label": settings.label.column, "weight": settings.weight}
        own.update({f"keys[{i}]": key for i, key in enumerate(settings.keys)})
        for role, column in own.items():
            if column is not None and not has_column(schema, column):
                raise ContractError(
                    f"The table {settings.table.uri!r} has no column {column!r}, named as `{role}`",
                    hint=did_you_mean(column, schema.names),
                )
        if settings.weight is not None:  # before rows are chosen by it
            compile_checks(Contract(), schema, non_negative=[settings.weight])
        learner = describe(settings.learner)
        if learner.kind == "other":
            raise ConfigurationError(
                f"{learner.name} predicts no label",
                expected="a classifier or a regressor",
                hint="Set `learner.name` to one.",
            )
        kind = settings.label.kind
        if kind == "auto":
            kind = "number" if learner.kind == "regressor" else "classes"
        elif (kind == "number") != (learner.kind == "regressor"):
            raise ConfigurationError(
                f"{learner.name} is a {learner.kind}",
                expected=f"a learner for `label.kind: {kind}`",
                hint="Choose another learner, or set `label.kind`.",
            )
        check_label_type(schema.field(settings.label.column).type, settings.label.column, kind)
        module = FunctionModule.read(settings.functions) if settings.functions else None
        derivable = module.derivable(schema) if module else {}
        features = resolve(
            settings.features,
            pa.schema([*schema, *(each.field for each in derivable.values())]),
            label=settings.label.column,
            weight=settings.weight,
            keys=settings.keys,
            index={*index_columns(snapshot), *derivable},
        )
        used = tuple(name for name in columns_of(features) if name in derivable)
        if module is None or not used:
            return cls(settings, schema, learner, features, kind)
        derivation = Derivation(module, used)
        extended = pa.schema([*schema, *derivation.schema])
        return cls(settings, extended, learner, features, kind, derivation)

    @property
    def feature_schema(self) -> pa.Schema:
        """The columns of the table that the features read."""
        names = self._stored(columns_of(self.features))
        return pa.schema([self.schema.field(name) for name in names])

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that training and evaluation read."""
        weight = (self.settings.weight,) if self.settings.weight else ()
        checked = (*self.settings.contract.columns, *self._dealt_by)
        named = (*self.feature_schema.names, self.settings.label.column, *weight, *checked)
        return tuple(dict.fromkeys(named))

    @property
    def profiled_columns(self) -> tuple[str, ...]:
        """The columns that the profile and the checks read."""
        return self._stored((*self.profile.columns, *self.checks.columns))

    def _stored(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The columns of the table that give these columns, each once."""
        return self.derivation.stored(columns) if self.derivation else tuple(dict.fromkeys(columns))

    @property
    def checks(self) -> Checks:
        """The checks of a row that is learnt from."""
        weight = (self.settings.weight,) if self.settings.weight else ()
        label = self.settings.label.column
        numeric = (f.column for f in self.features if isinstance(f, Numeric))
        target = (label,) if self.kind == "number" else ()
        return compile_checks(
            self.settings.contract,
            self.schema,
            required=(label, *weight),
            finite=(*numeric, *target, *weight),
            non_negative=weight,
            dealt_by=self._dealt_by,
        )

    @property
    def _dealt_by(self) -> tuple[str, ...]:
        """The keys whose values say which rows are held out."""
        return self.settings.keys if self.settings.split.test_share else ()

    @property
    def profile(self) -> Profile:
        """Learns what the features and the label need of the whole training table."""
        label = self.settings.label
        classes = label.classes
        if classes is not None:
            kind = self.schema.field(label.column).type
            classes = as_classes(classes, kind, label.column, self.settings.unicode)
        return Profile(
            self.features,
            label=label.column,
            kind=self.kind,
            weight=self.settings.weight,
            classes=classes,
            unicode=self.settings.unicode,
        )

    def encoder(self, statistics: TableStatistics) -> Encoder:
        """Turns batches into what the learner takes."""
        return Encoder(
            self.features,
            statistics,
            hash_bits=self.settings.hash_bits,
            label=self.settings.label.column,
            weight=self.settings.weight,
            layout=self.learner.layout,
            dtype=self.learner.dtype,
            unicode=self.settings.unicode,
        )
