"""The stages of Spark ML among a task's features: fitted once in a run, and published with it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petafit.config.feature_groups import (
    FEATURE_KINDS,
    CrossFeatures,
    FeatureGroup,
    StageFeatures,
)
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, StorageError
from petafit.features.feature import Feature, columns_of
from petafit.features.spec import selectors
from petafit.features.stages.outputs import OutputColumn, chosen
from petafit.features.stages.own import OwnStage
from petafit.features.stages.record import PETAFIT, SPARK, FittedStage, StageRecord
from petafit.learners.registry import describe
from petafit.store.filesystem import Folder
from petafit.table.columns import canonical
from petafit.table.filters.literals import quoted
from petafit.workflow.derived import Derived
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

if TYPE_CHECKING:
    from pyspark.ml import Estimator, PipelineModel, Transformer

    from petafit.features.spark.fitted import SparkStages
    from petafit.features.spark.stage_columns import StageColumns

log = logging.getLogger("petafit")

_FOLDER = "stages"


@dataclass(frozen=True)
class TaskStages:
    """The fitted stages of a task.

    Attributes
    ----------
    features : tuple of Feature
        The columns of stages that no other group of features names.
    folder : Folder
        Spark's own files of them, in the run folder.
    """

    record: StageRecord
    features: tuple[Feature, ...]
    spark: "SparkStages | None"
    folder: Folder

    def copy_to(self, uri: str) -> None:
        """Write the files of the fitted stages to another folder."""
        target = Folder(uri)
        for name in self.folder.files():
            target.write(name, self.folder.read(name))


def task_with_stages(job: Job, rows: TaskRows) -> tuple[Task, TaskStages | None]:
    """Resolve a job's task, and fit its stages unless this run has done so before.

    Raises
    ------
    ConfigurationError
        There is no Spark, or a stage is unknown, not allowed, wrong, or cannot be fitted.
    StorageError
        What an earlier attempt fitted is damaged.
    ContractError
        As `Task.of`.
    """
    settings = rows.settings
    groups = stage_groups(settings)
    if not groups:
        return Task.of(settings, rows.snapshot), None
    _require_spark(job, groups)
    fitted = _Fitting(job, rows, groups).run()
    derived = Derived(None, fitted.record, fitted.spark)
    task = Task.of(settings, rows.snapshot, derived, staged=fitted.features)
    return task, fitted


def stage_groups(settings: Settings) -> tuple[StageFeatures, ...]:
    """Return the groups of features that are stages."""
    declared = () if settings.features == "auto" else settings.features
    return tuple(group for group in declared if isinstance(group, StageFeatures))


@dataclass(frozen=True)
class _Fitting:
    job: Job
    rows: TaskRows
    groups: tuple[StageFeatures, ...]

    def run(self) -> TaskStages:
        from petafit.features.spark.fitted import SparkStages, of_record
        from petafit.features.spark.pipeline import make_stages
        from petafit.features.spark.stage_columns import columns_of_stages, read_by

        settings = self.rows.settings
        declared = [stage for group in self.groups for stage in group.stages]
        made = make_stages(declared, settings.spark.stages)
        table = self._readable()
        columns = columns_of_stages(made, table, label=settings.label.column)
        reads = _in_table((name for each in columns for name in each.reads), table)
        targets = [name for each in columns for name in each.targets]
        frame = self._training_frame(reads, targets, columns)
        folder, model = self._fitted(made, frame)
        by_stage = SparkStages(model, reads).outputs(frame)
        read = {
            name
            for place, stage in enumerate(made)
            for name in read_by(stage, [c.name for each in by_stage[:place] for c in each])
        }
        features = tuple(self._features(by_stage, read))
        outputs = {column.name: column for each in by_stage for column in each}
        used = dict.fromkeys((*columns_of(features), *_named(settings)))
        own = self._own(made, model, by_stage)
        stages = tuple(
            FittedStage(name, type(fitted).__name__, SPARK if each is None else PETAFIT)
            for (name,), fitted, each in zip(declared, model.stages, own, strict=True)
        )
        record = StageRecord(
            reads,
            stages,
            tuple(outputs[name] for name in used if name in outputs),
            tuple(each for each in own if each is not None),
        )
        _report(self.job, record)
        spark = of_record(model, record) if record.in_spark else None
        return TaskStages(record, features, spark, folder)

    def _own(
        self,
        made: Sequence[Any],
        model: "PipelineModel",
        by_stage: Sequence[Sequence[OutputColumn]],
    ) -> "Sequence[OwnStage | None]":
        """The stages that petafit runs itself; none for a learner that Spark fits."""
        from petafit.features.spark.translate import own_stages

        if describe(self.rows.settings.learner).family == "mllib":
            return [None] * len(made)
        derivable = Task.derivable(self.rows.settings, self.rows.snapshot).values()
        fields = (*self.rows.snapshot.schema, *(each.field for each in derivable))
        table = (OutputColumn(field.name, canonical(field.type)) for field in fields)
        return own_stages(made, model.stages, by_stage, table)

    def _readable(self) -> tuple[str, ...]:
        """The columns that a stage may read: of the table, but for the label, and of functions."""
        derivable = Task.derivable(self.rows.settings, self.rows.snapshot)
        names = (*self.rows.snapshot.schema.names, *derivable)
        return tuple(name for name in names if name != self.rows.settings.label.column)

    def _training_frame(
        self, reads: tuple[str, ...], targets: Sequence[str], columns: "Sequence[StageColumns]"
    ) -> Any:
        """The columns to which stages are fitted, of valid training rows."""
        from petafit.features.spark.fitted import training_rows

        known, written = {*self._readable()}, {name for each in columns for name in each.writes}
        is_open = not all(each.writes for each in columns)  # SQL makes columns of any name

        def made(name: str) -> bool:
            return name not in known and (name in written or is_open)

        derived = Derived(stages=StageRecord(reads, (), ()))
        own = _without_made(self.rows.settings, made)
        task = Task.of(own, self.rows.snapshot, derived)
        needed = dict.fromkeys((*reads, *targets, *task.checks.columns))
        source = self.rows.scan_derived("train", tuple(needed), task.derived)
        wanted = dict.fromkeys((*reads, *targets))
        return training_rows(source, task.checks).select(*map(quoted, wanted))

    def _fitted(
        self, made: "Sequence[Transformer | Estimator[Any]]", frame: Any
    ) -> "tuple[Folder, PipelineModel]":
        """The stages as this run has fitted them, whatever the number of its attempts."""
        from petafit.features.spark.fitted import load, save
        from petafit.features.spark.pipeline import fit_stages

        run, allowed = self.job.run, self.rows.settings.spark.stages
        folder, known = run.folder.child(_FOLDER), run.manifest["stage_files"]
        if known is None:
            with run.stage("fit stages"):
                model = fit_stages(made, frame)
                run.update(stage_files=save(model, folder))
            return folder, model
        found = {name: folder.digest(name) for name in folder.files()}
        if found != known:
            raise StorageError(
                f"The stages in {folder.uri} are not those that the run has fitted",
                hint="Start again under a new run id.",
            )
        return folder, load(folder, allowed=allowed)

    def _features(
        self, by_stage: Sequence[Sequence[OutputColumn]], read: set[str]
    ) -> Iterator[Feature]:
        first, named = 0, set(_named(self.rows.settings))
        for group in self.groups:
            last = first + len(group.stages)
            outputs = [column for each in by_stage[first:last] for column in each]
            yield from chosen(outputs, wanted=group.outputs, read=read, named=named)
            first = last


def _require_spark(job: Job, groups: Sequence[StageFeatures]) -> None:
    if job.spark is None:
        names = ", ".join(name for group in groups for stage in group.stages for name in stage)
        raise ConfigurationError(
            f"Spark fits the stages {names}, and there is no Spark", hint="Set `engine: spark`."
        )


def _report(job: Job, record: StageRecord) -> None:
    """Say who runs each stage, and refuse a stream without Spark where Spark runs some."""
    stages = [vars(stage) for stage in record.stages]
    job.run.update(stages=stages)
    log.info("stages %s", ", ".join(f"{each['name']}={each['runs']}" for each in stages))
    if record.in_spark and job.settings.stream == "direct":
        raise ConfigurationError(
            f"Spark runs the stages {record.spark_names}, so that its scan has to read the rows",
            expected="stream: auto or scan",
            got="stream: direct",
        )


def _in_table(names: Iterator[str], table: Sequence[str]) -> tuple[str, ...]:
    known = set(table)
    return tuple(dict.fromkeys(name for name in names if name in known))


def _named(settings: Settings) -> Iterator[str]:
    """Yield the names in groups of features that are not stages."""
    for group in () if settings.features == "auto" else settings.features:
        if isinstance(group, CrossFeatures):
            yield from (name for names in group.cross for name in names)
        elif not isinstance(group, StageFeatures):
            yield from selectors(group)


def _without_made(settings: Settings, made: Callable[[str], bool]) -> Settings:
    """The settings without features of columns that stages make."""
    declared = () if settings.features == "auto" else settings.features
    groups = tuple(each for group in declared for each in _not_made(group, made))
    return settings.model_copy(update={"features": groups})


def _not_made(group: FeatureGroup, made: Callable[[str], bool]) -> Iterator[FeatureGroup]:
    if isinstance(group, StageFeatures):
        yield group
    elif isinstance(group, CrossFeatures):
        crosses = tuple(names for names in group.cross if not any(map(made, names)))
        if crosses:
            yield group.model_copy(update={"cross": crosses})
    else:
        kind = next(kind for kind in FEATURE_KINDS if hasattr(group, kind))
        names = tuple(name for name in selectors(group) if not made(name))
        if names:
            yield group.model_copy(update={kind: names})
