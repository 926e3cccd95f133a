"""scikit-learn's `SGDClassifier` fed by petafit: the same learner without the cost of its food."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow.parquet as pq

import petafit
from petafit.adapters.sklearn import batches
from petafit.features.instances import Instances
from petafit_benchmark import petafit_runs, sgd
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions

TITLE = "scikit-learn, fed by petafit"
LEARNER = sgd.LEARNER
CORES = 1
REQUIRES = ("sklearn",)
MOST_ROWS = None
TUNES = sgd.TUNES
GRID = sgd.GRID

PREDICTED_ROWS = 1 << 16


def train(spec: Spec) -> ContenderRun:
    """One pass of `partial_fit`."""
    began = time.monotonic()
    food = replace(spec, tuned=None)  # which is scikit-learn's step, not that of petafit's learner
    petafit_runs.warm_up(food)
    settings = petafit_runs.settings_for(food, engine="local")
    startup = time.monotonic() - began
    model = sgd.classifier(spec)
    began = time.monotonic()
    instances = petafit.open_instances(settings)
    for X, y in batches(instances):
        model.partial_fit(X, y, classes=[0, 1])
    seconds = time.monotonic() - began
    predictions = (model.predict_proba(X)[:, 1] for X in _test_rows(spec, instances))
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        startup_seconds=startup,
        versions=petafit_runs.used_versions("scikit-learn"),
    )


def _test_rows(spec: Spec, instances: Instances) -> Iterator[Any]:
    """X of the test rows, in their order: a plan of shards might have another."""
    for path in spec.test_files:
        with pq.ParquetFile(path, read_dictionary=list(spec.strings)) as file:
            for batch in file.iter_batches(PREDICTED_ROWS, columns=list(spec.columns)):
                yield instances.encoding.encoder(batch, labels=False).X
