"""Fitting XGBoost's trees: workers read their shards themselves, and sum their histograms."""

import logging
import os
from dataclasses import replace
from functools import partial
from typing import Any

from petafit.aggregate.checked import Checked
from petafit.aggregate.engine import Answer
from petafit.aggregate.memory import available_memory
from petafit.aggregate.pass_files import Reference
from petafit.errors import ConfigurationError
from petafit.evaluation.evaluate import Evaluate, metrics_of
from petafit.evaluation.metrics import Figures
from petafit.features.encoder import Encoder
from petafit.features.profile import no_rows
from petafit.learners.xgboost.categories import CategoryStatistics, CountCategories
from petafit.learners.xgboost.checkpoint import TreesSoFar
from petafit.learners.xgboost.columns import categories_of
from petafit.learners.xgboost.grow import Group, GrowTrees
from petafit.learners.xgboost.launch import grow_together
from petafit.learners.xgboost.matrix import MatrixEncoder
from petafit.learners.xgboost.parameters import Boosting, best_rounds, boosting
from petafit.learners.xgboost.rows import TreeRows
from petafit.models.xgboost import TreeModel
from petafit.store.arrays import digest, to_buffers
from petafit.store.filesystem import Folder
from petafit.stream.batches import Counted, Source, Tally
from petafit.training.schedule import log_unused
from petafit.workflow.cautions import warn_of_figures
from petafit.workflow.fit_in_spark import FittedModel
from petafit.workflow.instance_cache import open_cache
from petafit.workflow.job import Job
from petafit.workflow.profile import encoder_for
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")

_OF_ROUNDS = ("rounds", "merge", "merge_holdout", "parts", "patience")
"""The settings of a training that mean nothing where trees are grown."""

_CATEGORIES, _COUNTED = "categories.npz", "categories.json"
"""The statistics of the categories, and their digest."""

_SHOWN = 50
"""The number of columns that the manifest names."""

_BYTES_OF_A_CELL = 8
"""Memory of XGBoost's matrix, and of what it is made of, for each value: measured 6 to 11."""

_PASSES = 4
"""How often XGBoost reads the rows to make a matrix of them."""


def fit_trees(job: Job, task: Task, rows: TaskRows, source: Source) -> FittedModel:
    """Count the categories of the training rows, and grow trees on them.

    Raises
    ------
    ConfigurationError
        Rows that cannot be read several times, an invalid parameter, or too few slots.
    ContractError
        Too many rows break the contract.
    EmptyInputError
        There are no rows.
    LostWorkerError
        Workers ended in each of several attempts.
    """
    settings = task.settings
    _check(task, source)
    log_unused(settings.training, _OF_ROUNDS, f"XGBoost itself fits {settings.learner.name}")
    encoder = encoder_for(job, task, rows)
    key = digest(f"{job.passes.inputs} {source.identity}".encode())
    folder = job.run.folder.child("trees", key[:16])
    reference = _categories(job, task, rows, encoder, folder)
    statistics = CategoryStatistics.from_state_dict(reference.load())
    matrix = MatrixEncoder.of(encoder, statistics)
    with job.run.stage("fit"), open_cache(job, source, passes=_PASSES) as cache:
        training = TreeRows(source, task.checks, encoder, reference, of_training=True, cache=cache)
        work = GrowTrees(
            training,
            _validation(task, rows, training),
            _boosting(task, matrix),
            folder,
            _threads(job, task),
            settings.training.checkpoint_seconds,
            external=_is_external(job, statistics.rows * len(matrix.names), _workers(job, source)),
            scratch=settings.paths.cache,
        )
        trees = _grown(job, work, rows=statistics.rows)
    model = TreeModel.of(task.signature(encoder), matrix, trees.best())
    metrics: Figures = {
        "trees": best_rounds(trees.losses) if trees.losses else trees.rounds,
        "rows_per_second": statistics.rows / job.run.manifest["timings"]["fit"],
    }
    return FittedModel(
        model, metrics | _validated(job, task, rows, model), weights=_importances(model)
    )


def _check(task: Task, source: Source) -> None:
    """Refuse rows that cannot be read several times."""
    name = task.settings.learner.name
    if not source.frozen:
        raise ConfigurationError(
            f"{name} reads all rows several times, and Spark's own scan deals them anew each time",
            expected="stream: direct",
            hint="`petafit train --verbose` says why the table is scanned; `petafit prepare` "
            "writes rows of any kind into a table that workers read.",
        )


def _categories(
    job: Job, task: Task, rows: TaskRows, encoder: Encoder, folder: Folder
) -> Reference:
    """The stored statistics of the categories, from a pass that a resumed run does not repeat."""
    known = folder.read_json(_COUNTED) if folder.exists(_COUNTED) else None
    if known is not None:
        return Reference(folder, _CATEGORIES, known["digest"])
    columns = [each for feature in categories_of(encoder.features) for each in feature.columns]
    targets = [each for each in (encoder.label, encoder.weight) if each is not None]
    needed = task.derived.stored((*columns, *targets, *task.checks.columns))
    source = rows.source("train", tuple(dict.fromkeys(needed)), task.derived)
    counting = Checked(task.checks, CountCategories(encoder))
    with job.run.stage("count categories"):
        counted = job.passes.run("count categories", counting, source, rows=rows.expected("train"))
    job.run.update(rows=counted.result.counts)
    statistics = counted.result.require(task.settings.contract.max_bad_share)
    if not statistics.rows:
        raise no_rows(task.settings.weight)
    content = to_buffers(statistics.to_state_dict())
    folder.write(_CATEGORIES, content, durable=False)
    folder.write_json(_COUNTED, {"digest": digest(content)}, durable=False)
    return Reference(folder, _CATEGORIES, digest(content))


def _validation(task: Task, rows: TaskRows, training: TreeRows) -> TreeRows | None:
    """The rows that end the training, where the task has any."""
    if not task.settings.split.validation:
        return None
    source = rows.source("validation", task.columns, task.derived)
    return replace(training, source=source, of_training=False, cache=None)


def _boosting(task: Task, matrix: MatrixEncoder) -> Boosting:
    """XGBoost's instructions for these columns."""
    classes = matrix.classes
    wanted = boosting(
        task.settings.learner.name.partition(".")[2],
        task.settings.learner.params,
        n_classes=len(classes) or None,
        seed=task.settings.training.seed,
        validated=bool(task.settings.split.validation),
    )
    wanted.check_columns(matrix.names)
    return wanted


def _threads(job: Job, task: Task) -> int:
    """The threads of a worker: those of a task of Spark's, or of the whole machine."""
    wanted = task.settings.learner.params.get("n_jobs")
    if isinstance(wanted, int) and wanted > 0:
        return wanted
    if job.spark is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    from petafit.spark.capacity import task_cores

    return task_cores(job.spark)


def _workers(job: Job, source: Source) -> int:
    return min(source.shards, job.engine.slots)


def _is_external(job: Job, cells: int, workers: int) -> bool:
    """Return whether a worker's part of the matrix would not fit into memory."""
    limit: float | None = job.settings.training.memory
    if limit is None and _is_one_machine(job):
        free = available_memory()
        limit = None if free is None else free / 2 / workers
    needed = cells * _BYTES_OF_A_CELL // workers
    if limit is None or needed <= limit:
        return False
    log.info("the rows of a worker take about %d MB: they stay on disk", needed >> 20)
    return True


def _is_one_machine(job: Job) -> bool:
    if job.spark is None:
        return True
    from petafit.spark.conf import value_of

    return value_of(job.spark, "spark.master").startswith("local")


def _grown(job: Job, work: GrowTrees, *, rows: int) -> TreesSoFar:
    """The trees, from a group of workers, unless an earlier attempt of the run grew all."""
    known = TreesSoFar.read(work.folder)
    if not work.boosting.is_done(known.rounds, known.losses):
        run = partial(_run, job, work, rows)
        workers = _workers(job, work.training.source)
        answers = grow_together(run, workers, _host(job), work.folder)
        _check_rows(work.training.source, answers)
        peaks = [answer["peak_memory"] for answer in answers]
        job.passes.peak_memory = max(job.passes.peak_memory, *peaks)
    return TreesSoFar.read(work.folder)


def _run(job: Job, work: GrowTrees, rows: int, group: Group) -> list[Answer]:
    action = partial(work, group)
    return job.passes.map("grow trees", action, group.workers, together=True, rows=rows)


def _host(job: Job) -> str | None:
    """The driver's address, as the workers reach it."""
    if job.spark is None:
        return None
    from petafit.spark.capacity import driver_address

    return driver_address(job.spark)


def _check_rows(source: Source, answers: list[Answer]) -> None:
    """Refuse more or fewer rows than the table promises."""
    tally = sum((Tally(**answer["tally"]) for answer in answers), Tally())
    if isinstance(source, Counted) and tally.pieces == source.shards * len(source.pieces):
        source.check(tally, "grow trees")


def _validated(job: Job, task: Task, rows: TaskRows, model: TreeModel) -> Figures:
    """The metrics on the validation rows, where the task has any."""
    if not task.settings.split.validation:
        return {}
    evaluate = Checked(task.checks, Evaluate(metrics_of(model)))
    source = rows.source("validation", task.columns, task.derived)
    measured = job.passes.run("validate", evaluate, source, start=model.to_state_dict()).result
    figures = measured.require(task.settings.contract.max_bad_share)
    warn_of_figures(job, figures, model.encoder.statistics, rows="the validation rows")
    return {f"validation_{name}": value for name, value in figures.items()}


def _importances(model: TreeModel) -> dict[str, Any]:
    """The columns with the largest gain, as the manifest has them."""
    found = list(model.importances().items())
    shown = [{"feature": name, "weights": [gain]} for name, gain in found[:_SHOWN]]
    others = max(len(found) - _SHOWN, 0)
    return {"kind": "total gain", "outputs": None, "features": shown, "others": others}
