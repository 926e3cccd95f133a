"""petafit on Spark ``local[2]``, in a session that was started before."""

import time

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, step_sizes

TITLE = "petafit, Spark local[2]"
LEARNER = petafit_runs.LEARNER
CORES = 2
REQUIRES = ("pyspark",)
MOST_ROWS = None
TUNES = "learning_rate"
GRID = step_sizes(petafit_runs.GRID_AROUND)


def train(spec: Spec) -> ContenderRun:
    """Start a session and its workers, then train."""
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **spec.training)
        startup = time.monotonic() - began
        settings = petafit_runs.settings_for(spec, engine="spark", **spec.training)
        fit = petafit_runs.fit(settings, spark)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions("pyspark"),
        figures={f"{kind}_peak_bytes": peak for kind, peak in fit.peak_memory.items() if peak},
    )
