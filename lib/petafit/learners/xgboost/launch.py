"""Launching a group of workers, from the driver: XGBoost's tracker, and further attempts."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import xgboost
from xgboost.tracker import RabitTracker

from petafit.aggregate.engine import Answer
from petafit.errors import LostWorkerError
from petafit.learners.xgboost.failure import GroupFailure
from petafit.learners.xgboost.grow import Group
from petafit.store.filesystem import Folder

log = logging.getLogger("petafit")

_ATTEMPTS = 4
_MEET_SECONDS = 300
"""Within which all workers have to arrive at the tracker."""

_WAIT_SECONDS = 1800
"""How long a worker waits for the others' rows, or sums; that a process or a machine has ended is
noticed by Spark, and an error is told by `GroupFailure`."""


def grow_together(
    run: Callable[[Group], list[Answer]], workers: int, host: str | None, folder: Folder
) -> list[Answer]:
    """Run a group of workers, and another one where a worker ends, from the trees so far.

    Parameters
    ----------
    run : callable
        Runs all workers of a group; returns their answers.
    host : str or None
        The driver's address for the workers; None: found by XGBoost.
    folder : Folder
        Of the trees so far.

    Raises
    ------
    LostWorkerError
        Workers ended in each of several attempts.
    PetafitError
        What a worker told of rows or parameters that do not fit.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        launch = uuid.uuid4().hex
        try:
            with _group(workers, host, launch) as group:
                return run(group)
        except LostWorkerError as error:
            reported = GroupFailure(folder, launch).reported()
            if reported is not None:
                raise reported from error
            if attempt == _ATTEMPTS:
                raise
            log.warning("attempt %d of %d: %s", attempt, _ATTEMPTS, error)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def _group(workers: int, host: str | None, launch: str) -> Iterator[Group]:
    if workers == 1:
        yield Group(1, {}, launch)
        return
    with xgboost.config_context(verbosity=0):
        tracker = RabitTracker(workers, host, sortby="task", timeout=_MEET_SECONDS)
        tracker.start()
    try:
        yield Group(workers, {**tracker.worker_args(), "dmlc_timeout": _WAIT_SECONDS}, launch)
    finally:
        with suppress(xgboost.core.XGBoostError):  # of a group that did not end together
            tracker.free()
