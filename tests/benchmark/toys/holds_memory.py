"""Holds 200 MB for a second: itself, or in a forked child where there is a seed."""

import os
import time

import numpy as np

from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "holds memory"
LEARNER = "toy"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None

BYTES = 200_000_000


def train(spec: Spec) -> ContenderRun:
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
