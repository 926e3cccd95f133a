"""petafit on Spark ``local[2]``, on ever more rows: how long it takes to any hold-out loss."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, CurvePoint, Spec, save_predictions, step_sizes
from petafit_benchmark.quality import row_losses
from petafit_benchmark.rows import labels, write_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TITLE = "petafit, Spark local[2], growing prefixes"
LEARNER = petafit_runs.LEARNER
CORES = 2
REQUIRES = ("pyspark",)
MOST_ROWS = 2_000_000
TUNES = "learning_rate"
GRID = step_sizes(petafit_runs.GRID_AROUND)

PARTS = (64, 32, 16, 8, 4, 2)
LATER_PASSES = (
    {"rounds": 2},
    {"rounds": 3},
    {"rounds": 2, "newton": 1},
    {"rounds": 2, "newton": 2},
)


def train(spec: Spec) -> ContenderRun:
    """Train anew on a 64th of the rows, a 32nd, ..., all of them, then in further passes.

    Every point is a run of its own from nothing, as a user would start it who knew when to stop.
    The figures of the contender are those of the one run over all rows.
    """
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **_cached(LATER_PASSES[-1]))
        startup = time.monotonic() - began
        whole, predictions = _run(spec, spark)
        path = save_predictions(spec, [predictions])
        truth = labels(spec.test_files, spec.label, spec.classes)
        points = [
            CurvePoint(rows=whole.rows, seconds=whole.seconds, log_loss=_loss(truth, predictions))
        ]
        for other in _others(spec):
            fit, predictions = _run(other, spark)
            rows = fit.rows * len(fit.rounds)
            loss = _loss(truth, predictions)
            points.append(CurvePoint(rows=rows, seconds=fit.seconds, log_loss=loss))
    return ContenderRun(
        rows=whole.rows,
        seconds=whole.seconds,
        predictions=path,
        startup_seconds=startup,
        versions=petafit_runs.used_versions("pyspark"),
        trajectory=tuple(sorted(points, key=lambda point: point.rows)),
    )


def _others(spec: Spec) -> Iterator[Spec]:
    """The prefixes of the rows, and the runs of several passes over all of them."""
    for part in PARTS:
        rows = spec.rows // part
        folder = Path(spec.work, f"first-{rows}")
        write_rows(spec.files, folder, skip=0, rows=rows)
        yield replace(spec, train=str(folder), rows=rows)
    for passes in LATER_PASSES:
        yield replace(spec, training=_cached(passes))


def _cached(passes: Mapping[str, int]) -> dict[str, Any]:
    """The section ``training`` of so many passes, the later ones from the cache."""
    return {**passes, "cache": petafit_runs.CACHE}


def _run(spec: Spec, spark: "SparkSession") -> tuple[petafit_runs.TrainedModel, np.ndarray]:
    """Train, and predict the test rows outside the clock."""
    settings = petafit_runs.settings_for(spec, engine="spark", **spec.training)
    fit = petafit_runs.fit(settings, spark)
    return fit, np.concatenate(list(fit.predictions(spec)))


def _loss(truth: np.ndarray, predictions: np.ndarray) -> float:
    return float(row_losses(truth, predictions).mean())
