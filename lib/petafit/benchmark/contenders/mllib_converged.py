"""Spark MLlib's `LogisticRegression` until L-BFGS stops by itself, by its defaults."""

from petafit.benchmark import mllib
from petafit.benchmark.contender import Spec, Trained

TITLE = "Spark MLlib, to convergence"
LEARNER = mllib.LEARNER
CORES = 2
REQUIRES = mllib.REQUIRES
MOST_ROWS = 2_000_000
TUNES = mllib.TUNES
GRID = mllib.GRID


def train(spec: Spec) -> Trained:
    """Start a session, then fit."""
    return mllib.train(spec, iterations=100)
