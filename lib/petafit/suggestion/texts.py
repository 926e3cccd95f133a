"""The choice between words and characters for text, by what a model learns from each."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import TextFeatures
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.suggestion.residuals import LabelledRows
from petafit.suggestion.seen import Analyzer

_MOST_ROWS = 10_000
_FEWEST_ROWS = 100
_ANALYZERS: tuple[Analyzer, ...] = ("word", "char")


@dataclass(frozen=True, slots=True)
class TextScores:
    """Scores of models of n-grams of words and of characters, out of sample.

    Attributes
    ----------
    word, char : float
        The share of rows whose class is right, or R² where the label is a number.
    asked : int
        The number of rows whose label was predicted.
    """

    word: float
    char: float
    asked: int

    def best(self, otherwise: Analyzer | None) -> Analyzer | None:
        """Return the analyzer that is surely better; `otherwise` without any."""
        if abs(self.word - self.char) <= 1 / np.sqrt(self.asked):  # two deviations of a share
            return otherwise
        return "word" if self.word > self.char else "char"


def score_text(rows: LabelledRows, column: str) -> TextScores | None:
    """Return how much of the label a text tells; None where there are too few rows.

    A tenth of up to 10,000 rows is asked, the others are learnt from.
    """
    order = np.random.default_rng(0).permutation(rows.rows.num_rows)[:_MOST_ROWS]
    if len(order) < _FEWEST_ROWS:
        return None
    some = LabelledRows(
        rows.rows.select([rows.label, column]).take(pa.array(order)),
        rows.label,
        rows.kind,
        rows.half[order],
        rows.unicode,
    )
    asked = np.arange(len(order)) % 10 == 0
    word, char = (_score(some, column, analyzer, asked) for analyzer in _ANALYZERS)
    return TextScores(word, char, int(asked.sum()))


def _score(rows: LabelledRows, column: str, analyzer: Analyzer, asked: np.ndarray) -> float:
    batch = rows.encoded([TextFeatures(text=(column,), analyzer=analyzer)])
    X, y = batch.X, batch.y
    assert y is not None
    if rows.kind == "classes":
        if len(np.unique(y[~asked])) < 2:
            return 0.0
        classifier = OnlineLinearClassifier(random_state=0).fit(X[~asked], y[~asked])
        return float((classifier.predict(X[asked]) == y[asked]).mean())
    regressor = OnlineLinearRegressor(random_state=0).fit(X[~asked], y[~asked])
    rest = y[asked] - regressor.predict(X[asked])
    return 1 - float((rest**2).mean()) / (float(y[asked].var()) or 1.0)
