"""Rows as trees take them: a dense matrix of numbers, codes of categories, and mean labels."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pyarrow as pa

from petafit.compiled import njit
from petafit.config.feature_groups import UnicodeForm
from petafit.features.encoder import Encoder
from petafit.features.encoding.categorical import CategoryBlock, date_part
from petafit.features.encoding.hashing import NOTHING
from petafit.features.encoding.numeric import numbers
from petafit.features.feature import Boolean, DatePart, Feature
from petafit.learners.xgboost.categories import (
    FOLDS,
    VALUE_BITS,
    CategoryStatistics,
)
from petafit.learners.xgboost.columns import categories_of
from petafit.store.arrays import StateDict

NUMBER, CODE = "q", "c"
"""XGBoost's names of the types of columns."""


class MatrixEncoder:
    """Makes a matrix of each batch.

    Parameters
    ----------
    features : tuple of Feature
        As `petafit.learners.xgboost.columns.tree_features` returns them.
    values : tuple of ndarray or None
        As in `CategoryStatistics`.
    means : ndarray of float32, shape (n_slots, n_means)
        The mean label of each slot.
    unicode : {"NFC", "NFD", "NFKC", "NFKD"}, optional
    classes : sequence, optional
        Names of the mean labels, where there are several.

    Attributes
    ----------
    names, types : list of str
        Of the matrix's columns: numbers first, then categories.
    """

    def __init__(
        self,
        features: tuple[Feature, ...],
        values: tuple[np.ndarray | None, ...],
        means: np.ndarray,
        *,
        unicode: UnicodeForm | None = None,
        classes: tuple[Any, ...] = (),
    ) -> None:
        # copies, since kernels are compiled anew for arrays that cannot be written to
        self.values = tuple(None if each is None else each.copy() for each in values)
        self.means, self.classes = means.copy(), classes
        self._categories = categories_of(features)
        self._numbers = [each for each in features if each not in self._categories]
        self._block = CategoryBlock(self._categories, VALUE_BITS, unicode)
        self.names = [each.name for each in self._numbers]
        self.types = [NUMBER] * len(self._numbers)
        for feature, known in zip(self._categories, values, strict=True):
            several = known is None and means.shape[1] > 1
            names = [f"{feature.name}, {each}" for each in classes] if several else [feature.name]
            self.names += names
            self.types += [CODE if known is not None else NUMBER] * len(names)
        self.names = _different(self.names)

    @classmethod
    def of(cls, encoder: Encoder, statistics: CategoryStatistics) -> Self:
        """Return the encoder of rows that are predicted."""
        return cls(
            encoder.features,
            statistics.values,
            statistics.means(),
            unicode=encoder.unicode,
            classes=encoder.statistics.classes or (),
        )

    def __call__(
        self,
        batch: pa.RecordBatch,
        means: np.ndarray | None = None,
        folds: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the matrix of a batch, shape (n_rows, n_columns) float32; NaN is missing.

        Parameters
        ----------
        means : ndarray of float32, shape (n_folds, n_slots, n_means), optional
            The mean labels without the rows of each fold.
        folds : ndarray of int32, shape (n_rows,), optional
            The fold of each row.
        """
        rows = batch.num_rows
        X = np.empty((len(self.names), rows), np.float32)
        for place, feature in enumerate(self._numbers):
            X[place] = _as_number(feature, batch.column(feature.columns[0]))
        if self._categories:
            if means is None or folds is None:
                means, folds = self.means[None], np.zeros(rows, np.int32)
            place = len(self._numbers)
            for hashes, known in zip(self._block.encode(batch), self.values, strict=True):
                if known is not None:
                    _write_codes(hashes[:rows], known, X[place])
                    place += 1
                else:
                    end = place + means.shape[2]
                    _write_means(hashes[:rows], folds, means, X[place:end])
                    place = end
        return np.ascontiguousarray(X.T)

    def to_state_dict(self) -> StateDict:
        values: Mapping[str, np.ndarray] = {
            f"values/{place}": each for place, each in enumerate(self.values) if each is not None
        }
        known = [each is not None for each in self.values]
        return StateDict({"means": self.means, **values}, {"known": known})

    @classmethod
    def from_state_dict(cls, named: StateDict, encoder: Encoder) -> Self:
        """Rebuild what `to_state_dict` stored, for an encoder's features.

        Raises
        ------
        LookupError, ValueError
            It is damaged.
        """
        values = tuple(
            _sorted_hashes(named.arrays[f"values/{place}"]) if known else None
            for place, known in enumerate(named.params["known"])
        )
        means, classes = named.arrays["means"], encoder.statistics.classes or ()
        if means.dtype != np.float32 or means.ndim != 2 or not np.isfinite(means).all():
            raise ValueError(f"mean labels as {means.dtype} {means.shape}")
        slots = means.shape[0]
        if slots & (slots - 1) or (not slots and any(each is None for each in values)):
            raise ValueError(f"mean labels in {slots} slots")
        if means.shape[1] != (len(classes) if len(classes) > 2 else 1):
            raise ValueError(f"{means.shape[1]} mean labels of a value")
        own = (encoder.features, values, means)
        return cls(*own, unicode=encoder.unicode, classes=classes)


def fold_means(statistics: CategoryStatistics) -> np.ndarray:
    """Return the mean labels of each slot without each fold, (FOLDS, n_slots, n_means) float32."""
    return np.stack([statistics.means(fold) for fold in range(FOLDS)])


def _different(names: list[str]) -> list[str]:
    """Return names without repetitions, and without the characters that XGBoost refuses."""
    allowed = str.maketrans("[]<", "()(")
    found: dict[str, None] = {}
    for name in (each.translate(allowed) for each in names):
        number, own = 2, name
        while own in found:
            own, number = f"{name} {number}", number + 1
        found[own] = None
    return list(found)


def _sorted_hashes(values: np.ndarray) -> np.ndarray:
    if values.dtype != np.int32 or values.ndim != 1 or (np.diff(values) <= 0).any():
        raise ValueError(f"values of a category as {values.dtype} {values.shape}")
    return values


def _as_number(feature: Feature, column: pa.Array) -> np.ndarray:
    if isinstance(feature, DatePart):
        column = date_part(feature, column)
    elif isinstance(feature, Boolean):
        column = column.cast(pa.int8())
    return numbers(column)


@njit
def _write_codes(hashes: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Write the position of each row's value among the known ones; NaN for others."""
    for i in range(out.size):
        low, high = 0, known.size
        while low < high:
            middle = (low + high) >> 1
            if known[middle] < hashes[i]:
                low = middle + 1
            else:
                high = middle
        is_known = low < known.size and known[low] == hashes[i]
        out[i] = np.float32(low) if is_known else np.float32(np.nan)


@njit
def _write_means(hashes: np.ndarray, folds: np.ndarray, means: np.ndarray, out: np.ndarray) -> None:
    """Write the mean labels of each row's value, (n_means, n_rows); NaN without a value."""
    mask = np.int64(means.shape[1] - 1)
    for i in range(hashes.size):
        slot = np.int64(hashes[i]) & mask
        for k in range(out.shape[0]):
            value = means[folds[i], slot, k]
            out[k, i] = np.float32(np.nan) if hashes[i] == NOTHING else value
