"""A task, resolved against its table.

Its columns are named as the table spells them; it says what to read, what to check, what to learn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import pyarrow as pa

from petafit.config.settings import Contract, Settings
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.features.classes import as_classes
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.target import check_label_type
from petafit.features.feature import Feature, Numeric, TargetMean, columns_of
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.functions.derivation import Derivation
from petafit.functions.function import Function
from petafit.functions.module import FunctionModule
from petafit.learners.mllib import recommenders
from petafit.learners.registry import LearnerInfo, describe
from petafit.learners.xgboost.columns import tree_features
from petafit.models.signature import Signature
from petafit.table.columns import has_column
from petafit.table.contract import Checks, compile_checks
from petafit.table.parquet.pandas_index import index_columns
from petafit.table.snapshot import Snapshot
from petafit.workflow.derived import NOTHING_DERIVED, Derived
from petafit.workflow.labels import LabelKind, label_kind


@dataclass(frozen=True)
class Task:
    """A task's requirements of its table.

    Attributes
    ----------
    schema : pyarrow.Schema
        Of the table, with the derived columns.
    kind : {"classes", "number"} or None
        What the label is; None: the learner reads none.
    derived : Derived
        The columns that the features take from functions and stages.
    ids : tuple of str
        The columns of users and items, which a recommender reads instead of features.
    """

    settings: Settings
    schema: pa.Schema
    learner: LearnerInfo
    features: tuple[Feature, ...]
    kind: LabelKind | None
    derived: Derived = NOTHING_DERIVED
    ids: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        snapshot: Snapshot,
        derived: Derived = NOTHING_DERIVED,
        *,
        staged: Sequence[Feature] = (),
    ) -> Self:
        """Resolve the task against the schema of its table, and what pandas calls its index.

        Parameters
        ----------
        derived : Derived
            Columns of stages; those of functions are found here.
        staged : sequence of Feature
            Features that stages make by themselves.

        Raises
        ------
        ContractError
            The table lacks the label, the weight or a key, or the weight is no number.
        ConfigurationError
            Unknown features, or a learner that does not fit the label, or needs one.
        """
        schema = snapshot.schema
        own = {"label": settings.label.column, "weight": settings.weight}
        own.update({f"keys[{i}]": key for i, key in enumerate(settings.keys)})
        learner = describe(settings.learner)
        ids: tuple[str, ...] = ()
        if learner.kind == "recommender":
            ids = recommenders.id_columns(settings.learner)
            named = (f"learner.params.{name}" for name in recommenders.ID_PARAMS)
            own.update(zip(named, ids, strict=True))
        for role, column in own.items():
            if column is not None and not has_column(schema, column):
                raise ContractError(
                    f"The table {settings.table.uri!r} has no column {column!r}, named as `{role}`",
                    hint=did_you_mean(column, schema.names),
                )
        if settings.weight is not None:  # before rows are chosen by it
            compile_checks(Contract(), schema, non_negative=[settings.weight])
        kind = label_kind(settings.label, learner)
        if kind is not None and settings.label.column is not None:
            check_label_type(schema.field(settings.label.column).type, settings.label.column, kind)
        derivable = cls.derivable(settings, snapshot)
        derived = replace(derived, functions=None)
        if ids:
            recommenders.check_task(settings, schema)
            return cls(settings, schema, learner, (), kind, derived, ids)
        features = resolve(
            settings.features,
            pa.schema([*schema, *(each.field for each in derivable.values()), *derived.schema]),
            label=settings.label.column,
            weight=settings.weight,
            keys=settings.keys,
            index={*index_columns(snapshot), *derivable, *derived.schema.names},
            staged=staged,
        )
        _check_targets(features, settings, kind)
        if learner.family == "xgboost":
            features = tree_features(features, learner.name)
        needed = (*columns_of(features), *derived.stored(()))
        used = tuple(dict.fromkeys(name for name in needed if name in derivable))
        if used and settings.functions:
            module = FunctionModule.read(settings.functions)
            derived = replace(derived, functions=Derivation(module, used))
        extended = pa.schema([*schema, *derived.schema])
        return cls(settings, extended, learner, features, kind, derived)

    @staticmethod
    def derivable(settings: Settings, snapshot: Snapshot) -> Mapping[str, Function]:
        """Return the functions that give columns which the table does not have."""
        if settings.functions is None:
            return {}
        return FunctionModule.read(settings.functions).derivable(snapshot.schema)

    @property
    def label(self) -> str | None:
        """The column that is learnt; None: the learner reads none."""
        return self.settings.label.column if self.kind is not None else None

    @property
    def _targets(self) -> tuple[str, ...]:
        """The columns of labels and weights."""
        return tuple(name for name in (self.label, self.settings.weight) if name is not None)

    @property
    def feature_schema(self) -> pa.Schema:
        """The columns of the table that the features read."""
        names = self.derived.stored((*columns_of(self.features), *self.ids))
        return pa.schema([self.schema.field(name) for name in names])

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that training and evaluation read."""
        checked = (*self.settings.contract.columns, *self._dealt_by)
        named = (*self.feature_schema.names, *self._targets, *checked, *self._folds_by)
        return tuple(dict.fromkeys(named))

    @property
    def profiled_columns(self) -> tuple[str, ...]:
        """The columns that the profile and the checks read."""
        return self.derived.stored((*self.profile.columns, *self.checks.columns))

    @property
    def checks(self) -> Checks:
        """The checks of a row that is learnt from."""
        weight = (self.settings.weight,) if self.settings.weight else ()
        counts = self._targets if self.ids and not self.learner.needs_label else ()
        numeric = (f.column for f in self.features if isinstance(f, Numeric))
        finite = self._targets if self.kind == "number" else weight
        return compile_checks(
            self.settings.contract,
            self.schema,
            required=(*self._targets, *self.ids),
            finite=(*numeric, *finite),
            non_negative=(*weight, *counts),
            dealt_by=self._dealt_by,
        )

    @property
    def _dealt_by(self) -> tuple[str, ...]:
        """The keys whose values say which rows are held out."""
        return self.settings.keys if self.settings.split.test_share else ()

    @property
    def _folds_by(self) -> tuple[str, ...]:
        """The keys that deal training rows to the folds of means of the label."""
        has_means = any(isinstance(feature, TargetMean) for feature in self.features)
        return self.settings.keys if has_means else ()

    @property
    def profile(self) -> Profile:
        """Learns what the features and the label need of the whole training table."""
        label, classes = self.label, self.settings.label.classes
        if label is None:
            classes = None
        elif classes is not None:
            kind = self.schema.field(label).type
            classes = as_classes(classes, kind, label, self.settings.unicode)
        return Profile(
            self.features,
            label=label,
            kind=self.kind,
            weight=self.settings.weight,
            classes=classes,
            unicode=self.settings.unicode,
            keys=self._folds_by,
        )

    def encoder(self, statistics: TableStatistics) -> Encoder:
        """Turns batches of training rows into what the learner takes."""
        return Encoder(
            self.features,
            statistics,
            hash_bits=self.settings.hash_bits,
            label=self.label,
            weight=self.settings.weight,
            layout=self.learner.layout,
            dtype=self.learner.dtype,
            unicode=self.settings.unicode,
            folds_by=self._folds_by,
        )

    def signature(self, encoder: Encoder) -> Signature:
        """The inputs and outputs of the task's model."""
        return Signature(
            encoder,
            self.settings.learner,
            self.feature_schema,
            self.derived.requirement,
            self.derived.stages,
        )


def _check_targets(features: Sequence[Feature], settings: Settings, kind: LabelKind | None) -> None:
    """Refuse means of a label that is not learnt, or without keys to deal rows to folds."""
    means = [feature.name for feature in features if isinstance(feature, TargetMean)]
    if means and kind is None:
        raise ConfigurationError(
            f"The feature {means[0]!r} is a mean of the label, and the learner reads none",
            hint="Use `categorical:` or `count:`.",
        )
    if means and not settings.keys:
        raise ConfigurationError(
            f"The feature {means[0]!r} needs `keys`, which tell rows apart: a training row must "
            "not see its own label",
            hint="Name the columns that identify a row as `keys`.",
        )
