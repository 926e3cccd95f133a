"""The pass before training: what the features need to know of all training rows."""

import logging
from typing import Any, TypeVar

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.checked import Checked
from petafit.errors import EmptyInputError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.profile import no_rows
from petafit.suggestion.unicode_forms import USUAL_FORM, first_repeated
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")

Result = TypeVar("Result")


def encoder_for(job: Job, task: Task, rows: TaskRows) -> Encoder:
    """An encoder for the task; its pass is saved where the task says all that the features need."""
    known = task.profile.known
    if known is None:
        return profiled(job, task, rows)
    log.info("no profile: the features need nothing of the whole table")
    return _encoder(task, known)


def profiled(job: Job, task: Task, rows: TaskRows) -> Encoder:
    """An encoder that knows all training rows; raises like `profile_of`."""
    return _encoder(task, profile_of(job, task, rows, task.profile))


def profile_of(
    job: Job, task: Task, rows: TaskRows, aggregator: Aggregator[Any, Any, Result]
) -> Result:
    """The result of the pass over the training rows, with the columns that a task profiles.

    Raises
    ------
    ContractError
        Too many rows break the contract.
    EmptyInputError
        There are no rows, or none has weight.
    """
    checked = Checked(task.checks, aggregator)
    source = rows.source("train", task.profiled_columns, task.derived)
    with job.run.stage("profile"):
        try:
            profile = job.passes.run("profile", checked, source, rows=rows.expected("train"))
        except EmptyInputError as error:
            raise no_rows(job.settings.weight) from error
    job.run.update(rows=profile.result.counts)
    return profile.result.require(job.settings.contract.max_bad_share)


def _encoder(task: Task, statistics: TableStatistics) -> Encoder:
    texts = [each for each in statistics.classes or () if isinstance(each, str)]
    if text := first_repeated(texts):
        log.warning(
            "two classes of the label are one text, %r, in two Unicode forms: `unicode: %s` makes "
            "them one class",
            text,
            USUAL_FORM,
        )
    return task.encoder(statistics)
