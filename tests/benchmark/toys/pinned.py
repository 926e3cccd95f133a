"""Fails unless it is held to one core, threads of numerical libraries included."""

import os
import threading
from pathlib import Path

from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "pinned"
LEARNER = "toy"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    tasks = [int(task.name) for task in Path("/proc/self/task").iterdir()]
    assert len(tasks) >= threading.active_count()
    assert {len(os.sched_getaffinity(task)) for task in tasks} == {CORES}
    assert os.environ["OMP_NUM_THREADS"] == str(CORES)
    return ContenderRun(rows=1, seconds=1.0, predictions=None)
