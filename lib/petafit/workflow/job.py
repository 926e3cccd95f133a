"""The frame of every job: a run that records itself, an engine, and passes over tables."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypedDict

from petafit.aggregate.engine import Engine, Passes
from petafit.aggregate.local import LocalEngine
from petafit.aggregate.memory import peak_memory
from petafit.compiled import compiled_kernels
from petafit.config.layers import settings_digest
from petafit.config.placeholders import fill
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.models.store import ModelStore
from petafit.store.object_storage import export
from petafit.store.run_manifest import check_logical_date
from petafit.store.runs import Run, RunStore
from petafit.store.versions import code_digest, installed_versions
from petafit.workflow.outputs import what_is_gone
from petafit.workflow.progress import show_progress

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class Job:
    """A job at work.

    Attributes
    ----------
    settings : Settings
        With the logical date filled in.
    spark : SparkSession or None
        None with the local engine.
    passes : Passes
        Runs aggregators, and lets an interrupted run go on with what is done.
    frame : DataFrame or None
        The rows that the caller passed instead of a table.
    """

    settings: Settings
    run: Run
    engine: Engine
    spark: "SparkSession | None"
    passes: Passes
    models: ModelStore
    frame: "DataFrame | None" = None

    @property
    def finished(self) -> bool:
        """The run finished in an earlier attempt: there is nothing to do, and no session to use."""
        return self.run.finished


class JobOptions(TypedDict, total=False):
    """The options of every job: those of `open_job`."""

    frame: "DataFrame | None"
    spark: "SparkSession | None"
    run_id: str | None
    logical_date: str | None


_FILLED_MOSTLY = ("table", "split")
_FILLED = {
    "export": ("table", "export"),
    "prepare": ("prepare", "table", "split"),
    "score": ("table", "score"),
}
"""The sections a job reads in which the logical date may stand."""


@contextmanager
def open_job(
    name: str,
    settings: Settings,
    *,
    frame: "DataFrame | None" = None,
    spark: "SparkSession | None" = None,
    run_id: str | None = None,
    logical_date: str | None = None,
) -> Iterator[Job]:
    """Make the block one run: recorded, leased, resumed, and finished only when the block ends.

    Parameters
    ----------
    frame : DataFrame, optional
        The rows to work on; its session is used where none is given.
    spark : SparkSession, optional
        Used and not stopped; without it one is built where the engine needs one.
    run_id : str, optional
        The same id again resumes an unfinished run. A finished one is given as `Job.finished`, and
        the block has to do nothing, unless what the run made is gone: then it is made again.
    logical_date : str, optional
        The date the run stands for: it replaces ``{logical_date}`` in the settings.

    Raises
    ------
    ConfigurationError
        The logical date is none, or the settings need one.
    ConflictError
        The run id was used with other settings, or its run is still going on elsewhere.
    """
    if logical_date is not None:
        check_logical_date(logical_date)
    export(settings.storage.variables())
    template, settings = settings, fill(settings, logical_date, _FILLED.get(name, _FILLED_MOSTLY))
    run = RunStore(settings.paths.runs).open(
        run_id or new_run_id(name, settings.task),
        job=name,
        task=settings.task,
        environment=settings.environment,
        logical_date=logical_date,
        settings_digest=settings_digest(template),
        versions=installed_versions(),
    )
    models = ModelStore(settings.paths.models)
    _make_again_if_gone(run, models)
    with run:
        if run.finished:
            log.info("run %s has finished already: nothing to do", run.run_id)
            idle = LocalEngine()  # a finished run needs no JVM
            yield Job(settings, run, idle, None, Passes(idle, run.folder, inputs=""), models)
            return
        log.info("run %s starts: %s on task %s", run.run_id, name, settings.task)
        given = frame.sparkSession if frame is not None and spark is None else spark
        with _open_engine(settings, name, given=given) as (engine, session):
            inputs = f"{settings_digest(settings)} {code_digest()}"
            seconds = settings.training.checkpoint_seconds
            passes = Passes(
                engine, run.folder, inputs, watch=show_progress, checkpoint_seconds=seconds
            )
            with _within_memory():
                yield Job(settings, run, engine, session, passes, models, frame)
            run.update(
                peak_memory_bytes=_peaks(passes, session),
                timings={"compile": passes.compile_seconds},
                compiled_kernels=_compiled(passes, session),
            )


def _make_again_if_gone(run: Run, models: ModelStore) -> None:
    """Let a finished run start anew where its output is no longer there."""
    if run.finished and (gone := what_is_gone(run, models)):
        log.warning("run %s has finished, but %s: it is made again", run.run_id, gone)
        run.make_again(gone)


def new_run_id(job: str, task: str) -> str:
    """An id no other run has, readable and sorted by time."""
    now = datetime.now(UTC)
    return f"{job}-{task}-{now:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


@contextmanager
def _open_engine(
    settings: Settings, name: str, *, given: "SparkSession | None"
) -> Iterator[tuple[Engine, "SparkSession | None"]]:
    """The engine the settings ask for, and its session where it has one."""
    if settings.engine == "local":
        yield LocalEngine(), None
        return
    from petafit.aggregate.spark import SparkEngine
    from petafit.spark.session import open_session

    app_name = f"petafit {name} {settings.task}"
    with open_session(settings, app_name=app_name, given=given) as session:
        yield SparkEngine(session), session


@contextmanager
def _within_memory() -> Iterator[None]:
    """Let what Python raises where no memory is left become one clear error."""
    try:
        yield
    except MemoryError as error:
        raise ConfigurationError(
            "The job needs more memory than this machine has left",
            got=str(error) or "no memory",
            hint="Lower `hash_bits`, `training.batch_rows` or what `learner.params` sizes.",
        ) from error


def _peaks(passes: Passes, session: "SparkSession | None") -> dict[str, int | None]:
    """Peak memory in bytes, by the kind of process."""
    peaks: dict[str, int | None] = {"driver": peak_memory()}
    if session is not None:
        from petafit.spark.capacity import jvm_peak_memory

        peaks["worker"] = passes.peak_memory
        jvm = jvm_peak_memory(session)
        if jvm is not None:  # another machine's, or Spark Connect's server
            peaks["jvm"] = jvm
    return peaks


def _compiled(passes: Passes, session: "SparkSession | None") -> dict[str, int]:
    """The number of kernels that had to be compiled, by the kind of process."""
    compiled = {"driver": compiled_kernels()}
    return compiled if session is None else compiled | {"worker": passes.compiled_kernels}
