"""River: one row at a time, as a dictionary, hashed and learnt by `learn_one`.

AdaGrad is the best of its optimisers on rows this sparse; its hasher is compiled.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
    versions,
)
from petafit_benchmark.contenders.frames import frames, records

BATCH_ROWS = 10_000


def train(spec: Spec) -> ContenderRun:
    """One pass of `learn_one`."""
    began = time.monotonic()
    from river import linear_model, optim, preprocessing

    hasher = preprocessing.FeatureHasher(1 << spec.hash_bits, seed=spec.seed)
    model = hasher | linear_model.LogisticRegression(optim.AdaGrad(spec.tuned or 0.1))
    startup = time.monotonic() - began
    began = time.monotonic()
    for x, clicked in _rows(spec, spec.files):
        model.learn_one(x, clicked)
    seconds = time.monotonic() - began
    predicted = [model.predict_proba_one(x)[True] for x, _ in _rows(spec, spec.test_files)]
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [np.array(predicted)]),
        startup_seconds=startup,
        versions=versions("river", "pandas", "pyarrow"),
    )


def _rows(spec: Spec, files: Sequence[str]) -> Iterator[tuple[dict[str, Any], bool]]:
    """Features, and True where the label is the second class."""
    for frame in frames(spec, files, BATCH_ROWS):
        yield from zip(records(spec, frame), frame[spec.label] == spec.classes[1], strict=True)


ONLINE = Contender(
    title="River",
    learner="river.LogisticRegression",
    train=train,
    requires=("river",),
    most_rows=50_000,
    tunes="lr",
    grid=step_sizes(0.1),
)
