"""The step size that `learning_rate: auto` stands for, by rows from all over the table."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
from scipy.sparse import vstack

from petafit.features.encoder import Encoder
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.step_size import MOST_ROWS
from petafit.learners.registry import has_automatic_rate, make_learner
from petafit.stream.batches import Source, carried_schema, chosen, normalise
from petafit.stream.direct import DirectSource
from petafit.stream.sample import take_sample
from petafit.table.filters.split import select
from petafit.table.shards import wanted_files
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

log = logging.getLogger("petafit")


def with_step_size(job: Job, task: Task, encoder: Encoder, rows: TaskRows, source: Source) -> Task:
    """The task, with a number for `learning_rate: auto`; unchanged where its learner has none.

    The number is the same for any number of shards.

    Parameters
    ----------
    source : Source
        The training rows.
    """
    choice = task.settings.learner
    if not has_automatic_rate(choice):
        return task
    with job.run.stage("step size"):
        good = (task.checks.split(batch)[0] for batch in _some(task, rows, source))
        encoded = [encoder(batch) for batch in good if batch.num_rows]
        if not encoded:
            return task  # training finds out, and says so
        learner = make_learner(choice, n_features=encoder.n_features, statistics=encoder.statistics)
        assert isinstance(learner, OnlineLearner)
        rate = learner.fitting_rate(_together(encoded))
    log.info("learning_rate: auto is %s", rate)
    job.run.update(learning_rate=rate)
    fixed = choice.model_copy(update={"params": {**choice.params, "learning_rate": rate}})
    return replace(task, settings=task.settings.model_copy(update={"learner": fixed}))


def _together(batches: list[Batch]) -> Batch:
    weights = [batch.weight for batch in batches if batch.weight is not None]
    return Batch(
        X=vstack([batch.X for batch in batches], format="csr"),
        y=np.concatenate([batch.y for batch in batches if batch.y is not None]),
        weight=np.concatenate(weights) if weights else None,
    )


def _some(task: Task, rows: TaskRows, source: Source) -> Iterator[pa.RecordBatch]:
    """Some training rows, as the stream gives them."""
    if isinstance(source, DirectSource):
        return _from_all_over(task, rows)
    return _first_scanned(source)


def _from_all_over(task: Task, rows: TaskRows) -> Iterator[pa.RecordBatch]:
    predicate, stored = select(task.settings, "train"), task.derived.stored(task.columns)
    wanted, needed = (
        carried_schema(rows.snapshot.schema, names)
        for names in (stored, tuple(dict.fromkeys((*stored, *predicate.columns))))
    )
    files = tuple(wanted_files(rows.snapshot.files, predicate))
    if not files:
        return
    sample = take_sample(replace(rows.snapshot, files=files), needed.names, rows=MOST_ROWS)
    extension = task.derived.by_batch
    for batch in sample.rows.to_batches():
        found = chosen(normalise(batch, needed), schema=wanted, predicate=predicate)
        if found is not None:
            yield extension.extend(found) if extension else found


def _first_scanned(source: Source) -> Iterator[pa.RecordBatch]:
    from petafit.spark.compatibility import arrow_table
    from petafit.stream.scan.stream import ScanSource

    assert isinstance(source, ScanSource)
    frame, reading = source.for_tasks()
    yield from reading.receiving(iter(arrow_table(frame.limit(MOST_ROWS)).to_batches())).read(0)
