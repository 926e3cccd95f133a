"""Spark MLlib's `LogisticRegression` by its defaults: to its tolerance, or for 100 iterations.

Whether it stopped by itself is what it says of `converged`.
"""

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
