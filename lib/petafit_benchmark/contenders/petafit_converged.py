"""petafit on Spark ``local[2]`` to its own convergence: two rounds, then Newton rounds."""

import time
from collections.abc import Mapping
from typing import Any

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions
from petafit_benchmark.contenders import petafit_prefixes

TITLE = "petafit, Spark local[2], to convergence"
LEARNER = petafit_prefixes.LEARNER
CORES = petafit_prefixes.CORES
REQUIRES = petafit_prefixes.REQUIRES
MOST_ROWS = petafit_prefixes.MOST_ROWS
TUNES = petafit_prefixes.TUNES
GRID = petafit_prefixes.GRID

ROUNDS = 2
MOST_NEWTON = 20
TRAINING: Mapping[str, Any] = {
    "rounds": ROUNDS,
    "newton": MOST_NEWTON,
    "patience": 1,
    "cache": petafit_runs.CACHE,
}


def train(spec: Spec) -> ContenderRun:
    """Train until a Newton round does not lower the loss on the rows put aside."""
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **TRAINING)
        startup = time.monotonic() - began
        fit = petafit_runs.fit(petafit_runs.settings_for(spec, engine="spark", **TRAINING), spark)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        converged=len(fit.rounds) < ROUNDS + MOST_NEWTON,
        versions=petafit_runs.used_versions("pyspark"),
        figures={"rounds": len(fit.rounds)},
    )
