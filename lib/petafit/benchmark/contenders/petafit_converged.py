"""petafit on Spark ``local[2]`` to its own convergence: two rounds, then Newton rounds."""

import time
from typing import Any

from petafit.benchmark import petafit_runs
from petafit.benchmark.contender import Spec, Trained, save_predictions, step_sizes

TITLE = "petafit, Spark local[2], to convergence"
LEARNER = petafit_runs.LEARNER
CORES = 2
REQUIRES = ("pyspark",)
MOST_ROWS = 2_000_000
TUNES = "learning_rate"
GRID = step_sizes(petafit_runs.GRID_AROUND)

ROUNDS = 2
MOST_NEWTON = 20
TRAINING: dict[str, Any] = {"rounds": ROUNDS, "newton": MOST_NEWTON, "patience": 1, "cache": "20GB"}


def train(spec: Spec) -> Trained:
    """Train until a Newton round does not lower the loss on the rows put aside."""
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark)
        startup = time.monotonic() - began
        fit = petafit_runs.fit(petafit_runs.settings_for(spec, engine="spark", **TRAINING), spark)
    return Trained(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        converged=len(fit.rounds) < ROUNDS + MOST_NEWTON,
        versions=petafit_runs.used_versions("pyspark"),
        figures={"rounds": len(fit.rounds)},
    )
