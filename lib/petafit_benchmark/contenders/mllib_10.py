"""Spark MLlib's `LogisticRegression`, ten iterations of L-BFGS: what a hurried user waits for.

The features are hashed once and cached, as its guide advises for iterative algorithms.
"""

from petafit_benchmark import mllib
from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "Spark MLlib, 10 iterations"
LEARNER = mllib.LEARNER
CORES = 2
REQUIRES = mllib.REQUIRES
MOST_ROWS = 2_000_000
TUNES = mllib.TUNES
GRID = mllib.GRID


def train(spec: Spec) -> ContenderRun:
    """Start a session, then fit."""
    return mllib.train(spec, iterations=10)
