"""petafit in one process and on Spark ``local[2]``: one pass, later passes, texts, memory."""

import statistics
import time
from dataclasses import replace

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
)
from petafit_benchmark.contenders import petafit_runs

MEMORY_HASH_BITS = 22

_CACHED_ROUNDS = 3


def train_one_core(spec: Spec) -> ContenderRun:
    """Train in one process, pinned to one core with its background threads."""
    began = time.monotonic()
    petafit_runs.warm_up(spec)
    startup = time.monotonic() - began
    fit = petafit_runs.fit(petafit_runs.settings_for(spec, engine="local"))
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions(),
    )


def train_cached(spec: Spec) -> ContenderRun:
    """Train for a few rounds; the seconds are the median of the later ones."""
    began = time.monotonic()
    petafit_runs.warm_up(spec)
    startup = time.monotonic() - began
    settings = petafit_runs.settings_for(
        spec, engine="local", rounds=_CACHED_ROUNDS, cache=petafit_runs.CACHE
    )
    fit = petafit_runs.fit(settings)
    first, *later = fit.rounds
    return ContenderRun(
        rows=fit.rows,
        seconds=statistics.median(later),
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions(),
        figures={"first_pass_seconds": first, "rounds": _CACHED_ROUNDS},
    )


def train_on_spark(spec: Spec) -> ContenderRun:
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


def train_large_model(spec: Spec) -> ContenderRun:
    """Train on Spark with 2^22 features."""
    return train_on_spark(replace(spec, hash_bits=MEMORY_HASH_BITS))


ONE_CORE = Contender(
    title="petafit, one core",
    learner=petafit_runs.LEARNER,
    train=train_one_core,
    tunes="learning_rate",
    grid=step_sizes(petafit_runs.GRID_AROUND),
)
TEXT = replace(ONE_CORE, title="petafit, one core, text", learner=f"{petafit_runs.LEARNER}, text")
CACHED = replace(ONE_CORE, title="petafit, one core, later pass from its cache", train=train_cached)
SPARK = replace(
    ONE_CORE,
    title="petafit, Spark local[2]",
    train=train_on_spark,
    cores=2,
    requires=("pyspark",),
)
MEMORY = replace(SPARK, title="petafit, Spark local[2], 2^22 features", train=train_large_model)
