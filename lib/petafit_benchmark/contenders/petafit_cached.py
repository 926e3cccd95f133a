"""petafit's later passes over the same rows, from the instance cache, on one core."""

import statistics
import time

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, step_sizes

TITLE = "petafit, one core, later pass from its cache"
LEARNER = petafit_runs.LEARNER
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = "learning_rate"
GRID = step_sizes(petafit_runs.GRID_AROUND)

ROUNDS = 3


def train(spec: Spec) -> ContenderRun:
    """Train for a few rounds; a later one counts, the median of them."""
    began = time.monotonic()
    petafit_runs.warm_up(spec)
    startup = time.monotonic() - began
    settings = petafit_runs.settings_for(
        spec, engine="local", rounds=ROUNDS, cache=petafit_runs.CACHE
    )
    fit = petafit_runs.fit(settings)
    first, *later = fit.rounds
    return ContenderRun(
        rows=fit.rows,
        seconds=statistics.median(later),
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions(),
        figures={"first_pass_seconds": first, "rounds": ROUNDS},
    )
