"""Residuals of a linear model of main effects on sampled rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy.sparse import vstack

from petafit.config.feature_groups import FeatureGroup, UnicodeForm
from petafit.features.encoder import Encoder
from petafit.features.encoding.batch import Batch
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.stream.batches import carried_schema, normalise
from petafit.suggestion.gains import Gain, ResidualSums

LabelKind = Literal["classes", "number"]

_HASH_BITS = 18
_MOST_WEIGHTS = 1 << 24  # of all classes
_PASSES = 2
_FITTINGS = 8
_BATCH_ROWS = 16384
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Residuals:
    """First and second derivatives of the loss at a model's margins, with the sign of y - p.

    The model learnt from the rows themselves. What it knows already has sums of opposite signs in
    the two halves, and so a gain of 0 or less; models of the other half would exaggerate this, and
    models of other rows leave their own errors as a gain to be found.

    Attributes
    ----------
    slope, curvature : ndarray of float64, shape (n_rows, n_outputs)
        As in `petafit.suggestion.gains.ResidualSums`; one output for two classes or a number.
    half : ndarray of bool, shape (n_rows,)
    """

    slope: np.ndarray
    curvature: np.ndarray
    half: np.ndarray

    def gain(self, cells: np.ndarray, n_cells: int) -> Gain:
        """Return the gain of telling cells of rows apart."""
        return ResidualSums.of(cells, self.half, self.slope, self.curvature, n_cells).gain()


@dataclass(frozen=True)
class LabelledRows:
    """Sampled rows to learn from, in two halves.

    Attributes
    ----------
    rows : pyarrow.Table
        Rows whose label is present and finite.
    label : str
    kind : {"classes", "number"}
    half : ndarray of bool, shape (n_rows,)
        By time where the task is split by time, so that what changes with time is no gain.
    """

    rows: pa.Table
    label: str
    kind: LabelKind
    half: np.ndarray
    unicode: UnicodeForm | None = None

    def encoded(self, groups: Sequence[FeatureGroup]) -> Batch:
        """Encode the rows with some features."""
        features = resolve(groups, self.rows.schema, label=self.label) if groups else ()
        profile = Profile(features, label=self.label, kind=self.kind, unicode=self.unicode)
        names = dict.fromkeys([self.label, *(c for f in features for c in f.columns)])
        schema = carried_schema(self.rows.schema, list(names))
        batches = [
            normalise(batch, schema)
            for batch in self.rows.combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)
        ]
        state = profile.start()
        for batch in batches:
            state = profile.reduce(state, batch)
        statistics = profile.finish(profile.lift(state))
        weights = _MOST_WEIGHTS // len(statistics.classes or (None,))
        bits = min(_HASH_BITS, max(1, weights).bit_length() - 1)
        encoder = Encoder(
            features, statistics, hash_bits=bits, label=self.label, unicode=self.unicode
        )
        parts = [encoder(batch) for batch in batches]
        y = np.concatenate([part.y for part in parts if part.y is not None])
        return Batch(X=vstack([part.X for part in parts], format="csr"), y=y, weight=None)

    def residuals(self, groups: Sequence[FeatureGroup]) -> Residuals:
        """Fit a linear model of some features; without features, a constant one."""
        batch = self.encoded(groups)
        assert batch.y is not None
        if self.kind == "number":
            return self._of_numbers(batch.X, batch.y)
        return self._of_classes(batch.X, batch.y.astype(np.intp))

    def _of_classes(self, X: Any, y: np.ndarray) -> Residuals:
        truth = np.eye(int(y.max()) + 1)[y]
        p = np.broadcast_to(truth.mean(axis=0), truth.shape).copy()
        if X.nnz:
            model = OnlineLinearClassifier(max_iter=_PASSES, random_state=0)
            p = np.maximum(model.fit(X, y).predict_proba(X), _LEAST)
        for own in (self.half, ~self.half):
            if own.any():
                p[own] = _balanced(p[own], truth[own].mean(axis=0))
        if truth.shape[1] == 2:
            truth, p = truth[:, 1:], p[:, 1:]
        return Residuals(truth - p, p * (1 - p), self.half)

    def _of_numbers(self, X: Any, y: np.ndarray) -> Residuals:
        rest = y - y.mean()
        if X.nnz:
            model = OnlineLinearRegressor(max_iter=_PASSES, random_state=0)
            rest = y - model.fit(X, y).predict(X)
        for own in (self.half, ~self.half):
            if own.any():
                rest[own] -= rest[own].mean()
        slope = (rest / (float(rest.std()) or 1.0))[:, None]
        return Residuals(slope, np.ones_like(slope), self.half)


def _balanced(p: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Scale probabilities so that classes have their shares: a shift of all rows is no gain."""
    for _ in range(_FITTINGS):
        p = p * (np.maximum(shares, _LEAST) / np.maximum(p.mean(axis=0), _LEAST))
        p /= p.sum(axis=1, keepdims=True)
    return p
