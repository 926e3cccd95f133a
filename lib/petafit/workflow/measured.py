"""Which rows a model is measured on: those put aside, or those it may have been trained on."""

import logging
from typing import Literal

from petafit.config.layers import settings_digest
from petafit.models.store import ModelVersion
from petafit.workflow.job import Job

log = logging.getLogger("petafit")

MeasuredOn = Literal["test", "training", "all"]


def tell_rows(job: Job, version: ModelVersion) -> None:
    """Say in the manifest, and warn, where the rows are not those that a split puts aside.

    ``test`` are the rows that `split` puts aside. Without one they are all rows: ``training``,
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
