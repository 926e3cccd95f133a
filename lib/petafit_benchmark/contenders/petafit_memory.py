"""petafit on Spark ``local[2]`` with 2^22 features: what a worker needs at its peak."""

from dataclasses import replace

from petafit_benchmark.contender import ContenderRun, Spec
from petafit_benchmark.contenders import petafit_spark

TITLE = "petafit, Spark local[2], 2^22 features"
LEARNER = petafit_spark.LEARNER
CORES = petafit_spark.CORES
REQUIRES = petafit_spark.REQUIRES
MOST_ROWS = None
TUNES = petafit_spark.TUNES
GRID = petafit_spark.GRID

HASH_BITS = 22


def train(spec: Spec) -> ContenderRun:
    """As `petafit_spark`, in a hash space of its own."""
    return petafit_spark.train(replace(spec, hash_bits=HASH_BITS))
