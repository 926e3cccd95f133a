"""`petafit prepare`: make the task's table of its source, or generate it."""

from typing import Unpack

from petafit.config.datasets import ClicksDataset, TextsDataset
from petafit.config.settings import Settings
from petafit.config.tables import Preparation
from petafit.errors import ConfigurationError
from petafit.store.runs import Run
from petafit.workflow.generate import generate_clicks, generate_texts
from petafit.workflow.job import JobOptions, open_job


def prepare(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Make the task's table of its source; of the same source it is the same table.

    Parameters
    ----------
    settings : Settings
        ``settings.prepare`` says of what to make it, or ``settings.dataset`` what to generate;
        ``settings.table`` says where.
    frame : DataFrame, optional
        The rows to make it of, instead of ``settings.prepare.source``.
    spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["outputs"]`` says what was written.

    Raises
    ------
    ConfigurationError
        The task has nothing to prepare, or settings cannot work.
    ContractError
        Too many rows break the contract; the table is as it was.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    frame = options.get("frame")
    preparation = settings.prepare or (Preparation() if frame is not None else None)
    if preparation is not None:
        from petafit.workflow.make_table import check_preparation, make_table

        check_preparation(settings, preparation)
    with open_job("prepare", settings, **options) as job:
        if job.finished:
            return job.run
        match job.settings.dataset:
            case ClicksDataset() as dataset:
                generate_clicks(job, dataset)
            case TextsDataset() as dataset:
                generate_texts(job, dataset)
            case None if job.settings.prepare or frame is not None:
                make_table(job, job.settings.prepare or Preparation())
            case None:
                raise ConfigurationError(
                    f"The task {job.settings.task!r} has nothing to prepare",
                    hint="Its table is read as it is: go on with `petafit train`.",
                )
    return job.run
