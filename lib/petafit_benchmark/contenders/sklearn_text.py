"""scikit-learn on text as people stream with it: `HashingVectorizer` and `partial_fit`.

The vectoriser makes every row one unit long, as by default, and so the steps are large.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

from petafit_benchmark import sgd
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, step_sizes, versions
from petafit_benchmark.frames import frames

GRID_AROUND = 30.0

TITLE = "scikit-learn, streaming text"
LEARNER = f"{sgd.LEARNER}, text"
CORES = 1
REQUIRES = ("sklearn",)
MOST_ROWS = None
TUNES = sgd.TUNES
GRID = step_sizes(GRID_AROUND)

BATCH_ROWS = 10_000


def train(spec: Spec) -> ContenderRun:
    """One pass of `partial_fit`, which learns one class against all others, class by class."""
    vectorizer = HashingVectorizer(
        analyzer="char",
        ngram_range=spec.ngrams,
        n_features=1 << spec.hash_bits,
        lowercase=False,
        dtype=np.float32,
    )
    model = sgd.classifier(spec, default=GRID_AROUND)
    began = time.monotonic()
    for texts, labels in _rows(spec, spec.files):
        model.partial_fit(vectorizer.transform(texts), labels, classes=list(spec.classes))
    seconds = time.monotonic() - began
    predictions = (
        model.predict_proba(vectorizer.transform(texts))
        for texts, _ in _rows(spec, spec.test_files)
    )
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, predictions),
        versions=versions("scikit-learn", "numpy", "pandas", "pyarrow"),
    )


def _rows(spec: Spec, files: Sequence[str]) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Texts and labels, batch by batch."""
    for frame in frames(spec, files, BATCH_ROWS):
        yield frame[spec.text].fillna(""), frame[spec.label]
