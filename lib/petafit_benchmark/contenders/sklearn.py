"""scikit-learn's `SGDClassifier`: streamed as its guide shows, on texts, and fed by petafit.

Reading, hashing and learning all happen in one thread. The batches of 10,000 rows and the
dictionaries are those of scikit-learn's guide to out-of-core learning.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

import petafit
from petafit.adapters.sklearn import batches
from petafit.features.instances import Instances
from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
    versions,
)
from petafit_benchmark.contenders import petafit_runs
from petafit_benchmark.contenders.frames import frames, records

LEARNER = "sklearn.SGDClassifier"
TUNES = "eta0"
GRID_AROUND = 0.1
GRID = step_sizes(GRID_AROUND)

TEXT_GRID_AROUND = 30.0
"""`HashingVectorizer` scales every row to unit length, so that the steps are large."""

_BATCH_ROWS = 10_000
_PREDICTED_ROWS = 1 << 16


def classifier(spec: Spec, *, default: float = GRID_AROUND) -> SGDClassifier:
    """Make a logistic regression for `partial_fit`.

    On these sparse rows a step that falls with the fourth root of the rows, scikit-learn's default
    for `SGDRegressor`, beat its schedule "optimal" with any `alpha`, constant steps, and averaging.

    Parameters
    ----------
    default : float
        The first step where none was tuned.
    """
    return SGDClassifier(
        loss="log_loss",
        alpha=1e-7,
        learning_rate="invscaling",
        power_t=0.25,
        eta0=spec.tuned or default,
        random_state=spec.seed,
    )


def train_streaming(spec: Spec) -> ContenderRun:
    """Make one pass of `partial_fit` over pandas batches, hashed by `FeatureHasher`."""
    hasher = FeatureHasher(1 << spec.hash_bits, dtype=np.float32)
    model = classifier(spec)
    began = time.monotonic()
    for frame in frames(spec, spec.files, _BATCH_ROWS):
        X = hasher.transform(records(spec, frame))
        model.partial_fit(X, frame[spec.label], classes=[0, 1])
    seconds = time.monotonic() - began
    predictions = (
        model.predict_proba(hasher.transform(records(spec, frame)))[:, 1]
        for frame in frames(spec, spec.test_files, _BATCH_ROWS)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        versions=versions("scikit-learn", "numpy", "pandas", "pyarrow"),
    )


def train_on_petafit(spec: Spec) -> ContenderRun:
    """Make one pass of `partial_fit` over rows that petafit reads and encodes."""
    began = time.monotonic()
    encoded = replace(spec, tuned=None)  # scikit-learn's step, not that of petafit's learner
    petafit_runs.warm_up(encoded)
    settings = petafit_runs.settings_for(encoded, engine="local")
    startup = time.monotonic() - began
    model = classifier(spec)
    began = time.monotonic()
    instances = petafit.open_instances(settings)
    for X, y in batches(instances):
        model.partial_fit(X, y, classes=[0, 1])
    seconds = time.monotonic() - began
    predictions = (model.predict_proba(X)[:, 1] for X in _encoded_test_rows(spec, instances))
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        startup_seconds=startup,
        versions=petafit_runs.used_versions("scikit-learn"),
    )


def train_text(spec: Spec) -> ContenderRun:
    """Make one pass of `partial_fit` over texts, which learns one class against all others."""
    vectorizer = HashingVectorizer(
        analyzer="char",
        ngram_range=spec.ngrams,
        n_features=1 << spec.hash_bits,
        lowercase=False,
        dtype=np.float32,
    )
    model = classifier(spec, default=TEXT_GRID_AROUND)
    began = time.monotonic()
    for texts, labels in _texts(spec, spec.files):
        model.partial_fit(vectorizer.transform(texts), labels, classes=list(spec.classes))
    seconds = time.monotonic() - began
    predictions = (
        model.predict_proba(vectorizer.transform(texts))
        for texts, _ in _texts(spec, spec.test_files)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        versions=versions("scikit-learn", "numpy", "pandas", "pyarrow"),
    )


def _encoded_test_rows(spec: Spec, instances: Instances) -> Iterator[Any]:
    """X of the test rows, in their order: a plan of shards might have another."""
    for path in spec.test_files:
        with pq.ParquetFile(path, read_dictionary=list(spec.strings)) as file:
            for batch in file.iter_batches(_PREDICTED_ROWS, columns=list(spec.columns)):
                yield instances.encoding.encoder(batch, labels=False).X


def _texts(spec: Spec, files: Sequence[str]) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Texts and labels, batch by batch."""
    for frame in frames(spec, files, _BATCH_ROWS):
        yield frame[spec.text].fillna(""), frame[spec.label]


STREAMING = Contender(
    title="scikit-learn, streaming",
    learner=LEARNER,
    train=train_streaming,
    requires=("sklearn",),
    most_rows=2_000_000,
    tunes=TUNES,
    grid=GRID,
)
ON_PETAFIT = Contender(
    title="scikit-learn, fed by petafit",
    learner=LEARNER,
    train=train_on_petafit,
    requires=("sklearn",),
    tunes=TUNES,
    grid=GRID,
)
TEXT = Contender(
    title="scikit-learn, streaming text",
    learner=f"{LEARNER}, text",
    train=train_text,
    requires=("sklearn",),
    tunes=TUNES,
    grid=step_sizes(TEXT_GRID_AROUND),
)
