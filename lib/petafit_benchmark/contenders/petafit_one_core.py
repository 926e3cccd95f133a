"""petafit's local engine: one process, held to one core with its background threads."""

import time

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, step_sizes

TITLE = "petafit, one core"
LEARNER = petafit_runs.LEARNER
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = "learning_rate"
GRID = step_sizes(petafit_runs.GRID_AROUND)


def train(spec: Spec) -> ContenderRun:
    """Train once; the manifest says how long it took."""
    began = time.monotonic()
    petafit_runs.warm_up(spec)
    startup = time.monotonic() - began
    settings = petafit_runs.settings_for(spec, engine="local")
    fit = petafit_runs.fit(settings)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions(),
    )
