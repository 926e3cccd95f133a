"""Raises."""

from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "fails"
LEARNER = "toy"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    print("told before")
    raise RuntimeError("no luck today")
