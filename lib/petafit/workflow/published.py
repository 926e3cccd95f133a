"""The published model that a job works with, pinned for the run, and the rows that measure it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from petafit.config.layers import settings_digest
from petafit.errors import ConfigurationError
from petafit.functions.module import FunctionModule
from petafit.models.aliases import split_reference
from petafit.models.mllib import SparkModel
from petafit.models.model import open_content
from petafit.models.predictor import Predictor
from petafit.models.signature import Signature
from petafit.models.store import ModelVersion
from petafit.store.arrays import StateDict
from petafit.stream.batches import Source
from petafit.table.contract import Checks, check_schema
from petafit.table.filters.split import Part
from petafit.workflow.derived import Derived
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows

log = logging.getLogger("petafit")

MeasuredOn = Literal["test", "training", "all"]


@dataclass(frozen=True)
class Published:
    """A published model, opened and fitting the table at hand.

    Attributes
    ----------
    rows : TaskRows
        Of the table, with columns named as the model spells them.
    derived : Derived
        The columns that the model takes from functions and stages.
    """

    version: ModelVersion
    content: StateDict
    model: Predictor | SparkModel
    rows: TaskRows
    derived: Derived

    def check_target(self, *, label: str | None, weight: str | None) -> None:
        """Refuse to measure the model by another label than it has learnt, or by other weights.

        Raises
        ------
        ConfigurationError
            It has learnt another, or its rows were weighed otherwise.
        """
        learnt = self.model.encoder
        for what, wanted, own in (
            ("predicts another label than", label, learnt.label),
            ("has learnt from rows of other weights than", weight, learnt.weight),
        ):
            if own != wanted:
                raise ConfigurationError(
                    f"The model {self.version.name!r} {what} the task's",
                    expected=wanted,
                    got=own,
                    hint="Train the task again, or name another model with `model`.",
                )

    def checks(self, of_task: Checks) -> Checks:
        """The checks of a row that is measured: the task's, and the model's."""
        return Checks((*of_task.rules, *self.model.checks.rules))

    def source(self, part: Part, columns: Sequence[str]) -> Source:
        """A part of the rows with the columns wanted and those the model reads.

        Of a model that only Spark can predict with, Spark puts the predictions beside them.
        """
        wanted = tuple(dict.fromkeys((*columns, *self.model.schema.names)))
        if self.version.attachment is None or isinstance(self.model, Predictor):
            return self.rows.source(part, wanted, self.derived)
        from petafit.learners.mllib.frames import with_predictions

        scanned = with_predictions(
            self.rows.scan_derived(part, wanted, self.derived),
            self.version.attachment,
            self.model.encoder.statistics,
        )
        return scanned.in_at_most(self.rows.shards(part))


def open_published(job: Job, rows: TaskRows) -> Published:
    """The model the settings name, for some rows; a resumed run gets the version it began with.

    Raises
    ------
    ConfigurationError
        There is no such model, or the functions that it needs are missing or others.
    ContractError
        The table lacks a column of the model, or has it in another type.
    """
    began_with = job.run.manifest["model"]
    name, asked = split_reference(job.settings.model_name)
    version = job.models.find(name, began_with["version"] if began_with else asked)
    job.run.update(model=version.identity)
    content = job.models.load(version)
    model = open_content(version, content)
    encoder = model.encoder
    read = (*model.schema.names, encoder.label, encoder.weight)
    rows = rows.spelled_as(name for name in read if name is not None)
    check_schema(rows.snapshot.schema, model.schema)
    content = content if version.attachment is None else model.to_state_dict()
    return Published(version, content, model, rows, _derived(job, version, model))


def _derived(job: Job, version: ModelVersion, model: Signature) -> Derived:
    """The functions and stages that the model needs."""
    functions = spark = None
    if model.requirement is not None:
        named = job.settings.functions
        functions = model.requirement.met_by(FunctionModule.read(named) if named else None)
    if model.stages is not None and model.stages.in_spark:
        if job.spark is None:
            raise ConfigurationError(
                f"Spark runs stages of the model {version.name!r}, and there is no Spark",
                got=model.stages.spark_names,
                hint="Set `engine: spark`.",
            )
        from petafit.features.spark.fitted import open_stages

        allowed = job.settings.spark.stages
        spark = open_stages(version.require_stages(), model.stages, allowed=allowed)
    return Derived(functions, model.stages, spark)


def report_rows(job: Job, version: ModelVersion) -> None:
    """Record in the manifest which rows measure the model; warn if they are its training rows.

    ``test`` are the test rows of `split`. Without one they are all rows: ``training``,
    since the model was trained on the same ones, or ``all`` where the conditions name the logical
    date and the model is of another.
    """
    measured_on = _measured_on(job, version)
    job.run.update(measured_on=measured_on)
    if measured_on == "training":
        log.warning(
            "the task %r has no split: model %r is measured on the rows that it was trained on, "
            "and looks better than it is",
            job.settings.task,
            version.name,
        )


def _measured_on(job: Job, version: ModelVersion) -> MeasuredOn:
    split = job.settings.split
    if split.test or split.test_share is not None:
        return "test"
    manifest = job.run.manifest
    by_date = settings_digest(job.settings) != manifest["settings_digest"]  # it was filled in
    other_date = version.logical_date is not None and (
        version.logical_date != manifest["logical_date"]
    )
    return "all" if by_date and other_date else "training"
