"""Commands on one Spark session, each with the stage and the attempts in which a worker is killed.

Every stage of Python that a job starts goes through `DataFrame.mapInArrow`: the one that is named
by its number kills the worker of its task 1 at the second batch of rows, so many times.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

try:
    from pyspark.sql.classic.dataframe import DataFrame
except ModuleNotFoundError:  # before Spark 4
    from pyspark.sql import DataFrame

from petafit.cli.main import main
from petafit.config.layers import load_settings
from petafit.spark.session import open_session
from petafit.table.contract import Checks

Work = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


class Stages:
    """Counts the stages of Python, and lets one of them lose its workers."""

    def __init__(self) -> None:
        self.started, self.fatal, self.deaths = 0, 0, 0

    def begin(self, *, fatal: int, deaths: int) -> None:
        self.started, self.fatal, self.deaths = 0, fatal, deaths

    def __call__(self, frame: DataFrame, work: Work, *args: Any, **options: Any) -> DataFrame:
        self.started += 1
        if self.started == self.fatal:
            work = partial(_dying, work, self.deaths)
        return _map_in_arrow(frame, work, *args, **options)


_map_in_arrow = DataFrame.mapInArrow


def _dying(work: Work, deaths: int, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """All jobs ask a batch's checks for reasons; in this task only are they lethal."""
    context, reasons, seen = TaskContext.get(), Checks.reasons, count(1)
    lethal = context.partitionId() == 1 and context.attemptNumber() < deaths

    def asked(checks: Checks, batch: pa.RecordBatch) -> Any:
        if lethal and next(seen) == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return reasons(checks, batch)

    Checks.reasons = asked  # type: ignore[method-assign]
    yield from work(batches)
    Checks.reasons = reasons  # type: ignore[method-assign]


def _run(arguments: list[str]) -> object:
    try:
        main(arguments)
    except SystemExit as end:
        return end.code


if __name__ == "__main__":
    conf, steps = sys.argv[1], json.loads(sys.argv[2])
    stages = Stages()
    DataFrame.mapInArrow = lambda *args, **options: stages(*args, **options)
    with open_session(load_settings(task="small", conf=conf).settings, app_name="dying workers"):
        for run_id, job, fatal, deaths, options in steps:
            stages.begin(fatal=fatal, deaths=deaths)
            code = _run([job, "--conf", conf, "--task", "small", "--run-id", run_id, *options])
            print(f"{run_id} exit {code}", file=sys.stderr, flush=True)
