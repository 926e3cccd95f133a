"""petafit's local engine over many shards, which it takes one after the other."""

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions

TITLE = "petafit, shards"
LEARNER = "petafit over shards"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    """Train as `Spec.training` says; how fast is not what is asked."""
    settings = petafit_runs.settings_for(spec, engine="local", **spec.training)
    fit = petafit_runs.fit(settings)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        versions=petafit_runs.used_versions(),
        figures={"driver_peak_memory_bytes": float(fit.peak_memory["driver"] or 0)},
    )
