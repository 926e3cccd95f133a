"""petafit on Spark ``local[2]``: log-loss against training time, and training to convergence."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from petafit_benchmark.contender import ContenderRun, CurvePoint, Spec, save_predictions
from petafit_benchmark.contenders import petafit_runs
from petafit_benchmark.contenders.petafit import SPARK
from petafit_benchmark.quality import row_losses
from petafit_benchmark.rows import labels, write_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_PARTS = (64, 32, 16, 8, 4, 2)
_LATER_PASSES = (
    {"rounds": 2},
    {"rounds": 3},
    {"rounds": 2, "newton": 1},
    {"rounds": 2, "newton": 2},
)

_ROUNDS = 2
_MOST_NEWTON = 20
_TO_CONVERGENCE: Mapping[str, Any] = {
    "rounds": _ROUNDS,
    "newton": _MOST_NEWTON,
    "patience": 1,
    "cache": petafit_runs.CACHE,
}


def train_prefixes(spec: Spec) -> ContenderRun:
    """Train on the first 1/64 of the rows, 1/32, ..., on all of them, then with further passes.

    Every point of the curve is a new run, as a user would start it who knew when to stop. Rows,
    seconds and predictions are those of one pass over all rows.
    """
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **_cached(_LATER_PASSES[-1]))
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


def train_to_convergence(spec: Spec) -> ContenderRun:
    """Train two rounds, then Newton steps until the loss on the merge holdout does not fall."""
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **_TO_CONVERGENCE)
        startup = time.monotonic() - began
        settings = petafit_runs.settings_for(spec, engine="spark", **_TO_CONVERGENCE)
        fit = petafit_runs.fit(settings, spark)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        converged=len(fit.rounds) < _ROUNDS + _MOST_NEWTON,
        versions=petafit_runs.used_versions("pyspark"),
        figures={"rounds": len(fit.rounds)},
    )


def _others(spec: Spec) -> Iterator[Spec]:
    """The prefixes of the rows, and the runs of several passes over all of them."""
    for part in _PARTS:
        rows = spec.rows // part
        folder = Path(spec.work, f"first-{rows}")
        write_rows(spec.files, folder, skip=0, rows=rows)
        yield replace(spec, train=str(folder), rows=rows)
    for passes in _LATER_PASSES:
        yield replace(spec, training=_cached(passes))


def _cached(passes: Mapping[str, int]) -> dict[str, Any]:
    """The section ``training`` for these passes, the later ones from the cache."""
    return {**passes, "cache": petafit_runs.CACHE}


def _run(spec: Spec, spark: "SparkSession") -> tuple[petafit_runs.TrainedModel, np.ndarray]:
    """Train, and predict the test rows outside the clock."""
    settings = petafit_runs.settings_for(spec, engine="spark", **spec.training)
    fit = petafit_runs.fit(settings, spark)
    return fit, np.concatenate(list(fit.predictions(spec)))


def _loss(truth: np.ndarray, predictions: np.ndarray) -> float:
    return float(row_losses(truth, predictions).mean())


PREFIXES = replace(
    SPARK,
    title="petafit, Spark local[2], growing prefixes",
    train=train_prefixes,
    most_rows=2_000_000,
)
CONVERGED = replace(
    PREFIXES, title="petafit, Spark local[2], to convergence", train=train_to_convergence
)
