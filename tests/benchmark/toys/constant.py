"""Predicts the same for every row: a probability of its grid."""

import numpy as np
import pyarrow.parquet as pq

from petafit_benchmark.contender import ContenderRun, CurvePoint, Spec, save_predictions, versions

TITLE = "the same for every row"
LEARNER = "toy constant"
CORES = 1
REQUIRES = ()
MOST_ROWS = 500
TUNES = "probability"
GRID = (0.1, 0.25, 0.9)


def train(spec: Spec) -> ContenderRun:
    rows = sum(pq.read_metadata(file).num_rows for file in spec.files)
    assert rows == spec.rows
    tests = sum(pq.read_metadata(file).num_rows for file in spec.test_files)
    path = save_predictions(spec, [np.full(tests, spec.tuned)])
    return ContenderRun(
        rows=rows,
        seconds=0.5,
        predictions=path,
        versions=versions("numpy"),
        trajectory=(CurvePoint(rows=rows, seconds=0.25, log_loss=0.0),),
    )
