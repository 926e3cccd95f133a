"""Dask-ML: partitions of a Dask dataframe, its `FeatureHasher`, and `Incremental`.

Hashing holds Python's global lock, so that workers are processes: with threads it was no faster
than one core. `Incremental` passes the model from one block to the next, while the other worker
hashes the following block.
"""

import time
from typing import Any

import numpy as np
import pandas as pd

from petafit_benchmark.contender import Contender, ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.contenders import sklearn
from petafit_benchmark.contenders.frames import frames, records, with_logarithms

PREDICTED_ROWS = 10_000


def train(spec: Spec) -> ContenderRun:
    """One pass over the partitions, in their order."""
    began = time.monotonic()
    from dask_ml.feature_extraction.text import FeatureHasher
    from dask_ml.wrappers import Incremental
    from distributed import Client, LocalCluster

    hasher = FeatureHasher(1 << spec.hash_bits, dtype=np.float32)
    model = Incremental(sklearn.classifier(spec), shuffle_blocks=False, scoring="neg_log_loss")
    with (
        LocalCluster(n_workers=spec.cores, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(_records, spec, next(frames(spec, spec.files, 1)))  # imports
        startup = time.monotonic() - began
        began = time.monotonic()
        rows, label = _collections(spec)
        model.fit(hasher.transform(rows), label, classes=[0, 1])
        seconds = time.monotonic() - began
    predictions = (
        model.estimator_.predict_proba(hasher.transform(records(spec, frame)))[:, 1]
        for frame in frames(spec, spec.test_files, PREDICTED_ROWS)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        startup_seconds=startup,
        versions=versions("dask-ml", "dask", "distributed", "scikit-learn", "pandas", "pyarrow"),
    )


def _collections(spec: Spec) -> tuple[Any, Any]:
    """A bag of the rows as dictionaries, and an array of their labels in the same partitions.

    The labels are taken from the partitions: as a column of the dataframe they would be read
    separately, and in fewer parts.
    """
    import dask.array as da
    import dask.bag as db
    import dask.dataframe as dd
    from dask import config, delayed

    # Strings as Python objects: the next step makes dictionaries of them.
    with config.set({"dataframe.convert-string": False}):
        frame = dd.read_parquet(spec.files, columns=list(spec.columns), split_row_groups=True)
    parts = frame.to_delayed()
    labels = [
        da.from_delayed(delayed(_label)(spec, part), shape=(np.nan,), dtype=np.int64)
        for part in parts
    ]
    rows = db.from_delayed([delayed(_records)(spec, part) for part in parts])
    return rows, da.concatenate(labels)


def _label(spec: Spec, part: pd.DataFrame) -> np.ndarray:
    return part[spec.label].to_numpy(np.int64)


def _records(spec: Spec, part: pd.DataFrame) -> list[dict[str, Any]]:
    return records(spec, with_logarithms(spec, part.copy()))


INCREMENTAL = Contender(
    title="Dask-ML, Incremental",
    learner=sklearn.LEARNER,
    train=train,
    cores=2,
    requires=("dask_ml", "distributed"),
    most_rows=2_000_000,
    tunes=sklearn.TUNES,
    grid=sklearn.GRID,
)
