"""Contenders that fail, wait, hold memory, or predict the same for every row."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    CurvePoint,
    Spec,
    save_predictions,
    versions,
)

BYTES = 200_000_000
"""Memory that `HOLDS_MEMORY` allocates."""


def predict_a_constant(spec: Spec) -> ContenderRun:
    """Predict a probability of the grid for every row."""
    rows = sum(pq.read_metadata(file).num_rows for file in spec.files)
    assert rows == spec.rows
    tests = sum(pq.read_metadata(file).num_rows for file in spec.test_files)
    path = save_predictions(spec, [np.full(tests, spec.tuned)])
    return ContenderRun(
        rows=rows,
        seconds=0.5,
        predictions=path,
        versions=versions("numpy"),
        trajectory=(CurvePoint(rows=rows, seconds=0.25, log_loss=0.0),),
    )


def fail(spec: Spec) -> ContenderRun:
    """Print a line, then raise."""
    print("printed before")
    raise RuntimeError("no luck today")


def hold_memory(spec: Spec) -> ContenderRun:
    """Hold memory for a second: in this process, or in a forked child if there is a seed."""
    if not spec.seed:
        _hold()
    elif child := os.fork():
        os.waitpid(child, 0)
    else:
        os.setsid()
        _hold()
        os._exit(0)
    return ContenderRun(rows=1, seconds=1.0, predictions=None)


def _hold() -> None:
    held = np.ones(BYTES, np.uint8)
    time.sleep(1.0)
    del held


def wait_for_ever(spec: Spec) -> ContenderRun:
    """Start a child that outlives this process, write its id to a file, and wait."""
    forever = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(forever, start_new_session=True)
    Path(spec.work, "child").write_text(str(child.pid))
    print("waiting", flush=True)
    time.sleep(600)
    raise AssertionError("never reached")


def check_pinning(spec: Spec) -> ContenderRun:
    """Fail unless all threads are pinned to one core."""
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert len(tasks) >= threading.active_count()
    assert {len(os.sched_getaffinity(task)) for task in tasks} == {1}
    assert os.environ["OMP_NUM_THREADS"] == "1"
    return ContenderRun(rows=1, seconds=1.0, predictions=None)


CONSTANT = Contender(
    title="the same for every row",
    learner="toy constant",
    train=predict_a_constant,
    most_rows=500,
    tunes="probability",
    grid=(0.1, 0.25, 0.9),
)
FAILS = Contender(title="fails", learner="toy", train=fail)
HOLDS_MEMORY = Contender(title="holds memory", learner="toy", train=hold_memory)
NEEDS_MORE = Contender(
    title="needs more", learner="toy", train=fail, requires=("json", "a_module_that_nobody_has")
)
NEVER_ENDS = Contender(title="never ends", learner="toy", train=wait_for_ever)
PINNED = Contender(title="pinned", learner="toy", train=check_pinning)
