"""Needs a module that nobody has."""

from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "needs more"
LEARNER = "toy"
CORES = 1
REQUIRES = ("json", "a_module_that_nobody_has")
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    raise AssertionError("never called")
