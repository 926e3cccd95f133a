"""Columns that change with time, and those without which models of earlier rows do better later."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow.compute as pc

from petafit.config.feature_groups import FeatureGroup
from petafit.features.encoding.batch import Batch
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.suggestion.fields import ColumnCells
from petafit.suggestion.residuals import LabelledRows, Residuals

_CUTS = (0.4, 0.7)
_SURE = 3.0
_PASSES = 2
_LEAST = 1e-9
_FEWEST_ROWS = 1000


def changes(column: ColumnCells, over_time: Residuals, anyhow: Residuals) -> bool:
    """Return whether a column surely tells less of the label at other times than at any.

    Parameters
    ----------
    over_time, anyhow : Residuals
        Of a model without features, with halves of different times, and drawn at random.
    """
    other, same = (each.gain(column.cells, column.n_cells) for each in (over_time, anyhow))
    error = float(np.hypot(other.error, same.error))
    return same.per_row - other.per_row > _SURE * error


def misleading(
    columns: Sequence[str],
    rows: LabelledRows,
    time: str,
    groups: Callable[[frozenset[str]], Sequence[FeatureGroup]],
) -> list[str]:
    """Return the columns without which later rows are surely predicted better.

    Models learn from the first two fifths of the rows and from the first seven tenths, and predict
    the following ones. A column must have misled both.

    Parameters
    ----------
    columns : sequence of str
        Those to try, one at a time.
    groups : callable
        Gives the features of a model without some columns.
    """
    if not columns:
        return []
    values = rows.rows.column(time).combine_chunks()
    order = pc.rank(values, sort_keys="ascending", tiebreaker="min").to_numpy() - 1
    place = order / max(1, len(order))
    cuts = [(place < cut, (place >= cut) & (place < until)) for cut, until in _periods()]
    if min(int(part.sum()) for cut in cuts for part in cut) < _FEWEST_ROWS:
        return []
    base = _losses(rows.encoded(groups(frozenset())), rows, cuts)
    found = []
    for column in columns:
        rest = groups(frozenset({column}))
        if rest and _is_better(_losses(rows.encoded(rest), rows, cuts), base):
            found.append(column)
    return found


def _periods() -> list[tuple[float, float]]:
    return list(zip(_CUTS, (*_CUTS[1:], 1.0), strict=True))


def _is_better(losses: Sequence[np.ndarray], base: Sequence[np.ndarray]) -> bool:
    """Return whether losses are lower in each period, and surely so in all together."""
    gains = [given - without for without, given in zip(losses, base, strict=True)]
    error = np.sqrt(sum(gain.var() / len(gain) for gain in gains))
    means = [float(gain.mean()) for gain in gains]
    return min(means) > 0 and sum(means) > _SURE * error


def _losses(
    batch: Batch, rows: LabelledRows, cuts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """Return the losses of later rows, for each cut."""
    assert batch.y is not None
    return [_loss(batch, rows.kind == "number", earlier, later) for earlier, later in cuts]


def _loss(batch: Batch, of_number: bool, earlier: np.ndarray, later: np.ndarray) -> np.ndarray:
    X, y = batch.X, np.asarray(batch.y)
    if of_number:
        regressor = OnlineLinearRegressor(max_iter=_PASSES, random_state=0)
        return (y[later] - regressor.fit(X[earlier], y[earlier]).predict(X[later])) ** 2
    if len(np.unique(y[earlier])) < 2:
        return np.zeros(int(later.sum()))
    classifier = OnlineLinearClassifier(max_iter=_PASSES, random_state=0)
    found = classifier.fit(X[earlier], y[earlier]).predict_proba(X[later])
    p = np.full((len(found), int(y.max()) + 1), _LEAST)
    p[:, classifier.classes_.astype(np.intp)] = np.maximum(found, _LEAST)
    return -np.log(p[np.arange(len(p)), y[later].astype(np.intp)])
