"""Spark MLlib's `LogisticRegression` to its default tolerance, which its default of 100 iterations
does not reach on the click log.

Whether it stopped by itself is what it says of `converged`.
"""

from petafit_benchmark import mllib
from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "Spark MLlib, to convergence"
LEARNER = mllib.LEARNER
CORES = 2
REQUIRES = mllib.REQUIRES
MOST_ROWS = 2_000_000
TUNES = mllib.TUNES
GRID = mllib.GRID

MOST_ITERATIONS = 200


def train(spec: Spec) -> ContenderRun:
    """Start a session, then fit."""
    return mllib.train(spec, iterations=MOST_ITERATIONS)
