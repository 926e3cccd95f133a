"""Raises."""

from petafit_benchmark.contender import Spec, Trained

TITLE = "fails"
LEARNER = "toy"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> Trained:
    print("told before")
    raise RuntimeError("no luck today")
