"""scikit-learn as people stream with it: pandas batches, `FeatureHasher`, `partial_fit`.

The batches of 10,000 rows and the dictionaries are what its guide to out-of-core learning shows;
reading, hashing and learning all happen in one thread.
"""

import time

import numpy as np
from sklearn.feature_extraction import FeatureHasher

from petafit_benchmark import sgd
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.frames import frames, records

TITLE = "scikit-learn, streaming"
LEARNER = sgd.LEARNER
CORES = 1
REQUIRES = ("sklearn",)
MOST_ROWS = 2_000_000
TUNES = sgd.TUNES
GRID = sgd.GRID

BATCH_ROWS = 10_000


def train(spec: Spec) -> ContenderRun:
    """One pass of `partial_fit`."""
    hasher = FeatureHasher(1 << spec.hash_bits, dtype=np.float32)
    model = sgd.classifier(spec)
    began = time.monotonic()
    for frame in frames(spec, spec.files, BATCH_ROWS):
        X = hasher.transform(records(spec, frame))
        model.partial_fit(X, frame[spec.label], classes=[0, 1])
    seconds = time.monotonic() - began
    predictions = (
        model.predict_proba(hasher.transform(records(spec, frame)))[:, 1]
        for frame in frames(spec, spec.test_files, BATCH_ROWS)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        versions=versions("scikit-learn", "numpy", "pandas", "pyarrow"),
    )
