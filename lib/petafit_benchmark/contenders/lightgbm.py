"""LightGBM, the non-linear reference: boosted trees, stopped early on the newest tenth of the rows.

Its guide advises numbers for columns of this many categories: scikit-learn's `TargetEncoder` gives
each category the mean label of the other folds. As categorical features they took eight times as
long and gave a higher loss.
"""

import time

import numpy as np
import pyarrow.parquet as pq
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from petafit_benchmark.contender import Contender, ContenderRun, Spec, save_predictions, versions

MOST_TREES = 2_000
PATIENCE = 20


def train(spec: Spec) -> ContenderRun:
    """Read all rows, encode the categories, and boost."""
    began = time.monotonic()
    import lightgbm as lgb

    startup = time.monotonic() - began
    began = time.monotonic()
    integers, strings, label = _read(spec, spec.files)
    newest = len(label) - max(1, len(label) // 10)
    encoder = TargetEncoder(cv=StratifiedKFold(shuffle=True, random_state=spec.seed))
    learnt = encoder.fit_transform(strings[:newest], label[:newest])
    checked = encoder.transform(strings[newest:])
    X = lgb.Dataset(np.hstack([integers[:newest], learnt]), label[:newest])
    model = lgb.train(
        {"objective": "binary", "num_threads": spec.cores, "seed": spec.seed, "verbose": -1},
        X,
        num_boost_round=MOST_TREES,
        valid_sets=[X.create_valid(np.hstack([integers[newest:], checked]), label[newest:])],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    seconds = time.monotonic() - began
    integers, strings, _ = _read(spec, spec.test_files)
    predicted = model.predict(np.hstack([integers, encoder.transform(strings)]))
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [np.asarray(predicted)]),
        startup_seconds=startup,
        converged=model.best_iteration < MOST_TREES,
        versions=versions("lightgbm", "scikit-learn", "pandas", "pyarrow"),
        figures={"trees": model.best_iteration},
    )


def _read(spec: Spec, files: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Integers (n, n_integers), NaN for null; strings (n, n_strings), "" for null; labels (n,)."""
    frame = pq.read_table(files, columns=list(spec.columns), partitioning=None).to_pandas()
    strings = frame[list(spec.strings)].fillna("").to_numpy()
    return frame[list(spec.integers)].to_numpy(np.float32), strings, frame[spec.label].to_numpy()


TREES = Contender(
    title="LightGBM",
    learner="lightgbm",
    train=train,
    cores=2,
    requires=("lightgbm",),
    most_rows=1_000_000,
)
