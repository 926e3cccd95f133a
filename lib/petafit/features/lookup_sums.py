"""The sums over training rows from which tables of categories are made."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.config.section import Scalar
from petafit.errors import ContractError
from petafit.features.cells import CellSums
from petafit.features.encoding.hashing import hashes_of_texts
from petafit.features.encoding.lookup import HashedCategories, row_folds
from petafit.features.feature import Feature, Frequent, Lookup, TargetMean
from petafit.features.value_table import MOST_CELLS, ValueTable, n_sums, sums_of_folds
from petafit.store.arrays import StateDict


class LookupSums:
    """Sums for each category of each column that is looked up; a part of the profile.

    Parameters
    ----------
    features : sequence of Feature
        Those that are looked up are used.
    keys : sequence of str
        Columns that deal rows to folds.
    form : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        Unicode form to which texts are normalized.
    """

    def __init__(
        self, features: Sequence[Feature], *, keys: Sequence[str], form: UnicodeForm | None
    ) -> None:
        self.features = tuple(f for f in features if isinstance(f, Lookup | Frequent))
        self.needs_label = any(isinstance(f, TargetMean) for f in self.features)
        self._keys = tuple(keys) if self.needs_label else ()
        self._categories = [HashedCategories(feature.column, form) for feature in self.features]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns to read, but for label and weight."""
        return (*(feature.column for feature in self.features), *self._keys)

    def empty(self, *, weighted: bool) -> list[CellSums]:
        """Return the sums before any row."""
        return [
            CellSums.empty(MOST_CELLS, n_sums(f), weighted=weighted or isinstance(f, TargetMean))
            for f in self.features
        ]

    def within(self, summary: StateDict) -> list[CellSums]:
        """Return the sums that are stored in a summary."""
        return [CellSums.from_state_dict(summary, f.name, MOST_CELLS) for f in self.features]

    def of_rows(
        self,
        before: Sequence[CellSums],
        batch: pa.RecordBatch,
        label: np.ndarray | None,
        weight: np.ndarray | None,
    ) -> list[CellSums]:
        """Return the sums of a batch, to be merged with those before.

        Parameters
        ----------
        label : ndarray of float64, shape (n_rows,), or None
            Numbers, or those of classes (`class_numbers`).
        """
        of_folds = None
        if self.needs_label:
            assert label is not None
            of_folds = sums_of_folds(row_folds(batch, self._keys), label, weight)
        weights = None if weight is None else weight[:, None]
        made = []
        for feature, categories, sums in zip(self.features, self._categories, before, strict=True):
            hashes = categories.hashes(batch.column(feature.column))
            amounts = of_folds if isinstance(feature, TargetMean) else weights
            known = hashes >= 0
            made.append(sums.of_rows(hashes[known], None if amounts is None else amounts[known]))
        return made

    def tables(
        self, sums: Sequence[CellSums], classes: Sequence[Scalar] | None
    ) -> dict[str, ValueTable]:
        """Return the tables by the features' names.

        Parameters
        ----------
        classes : sequence, optional
            Those of the label; None for a number.

        Raises
        ------
        ContractError
            Means of a label of more than two classes.
        """
        numbers = None
        if self.needs_label and classes is not None:
            if len(classes) != 2:
                raise ContractError(
                    "Features of `target:` need a number or two classes as the label",
                    got=f"{len(classes)} classes",
                    hint="Use `categorical:` or `count:`.",
                )
            first, second = (float(class_numbers(pa.array([each]))[0]) for each in classes)
            numbers = (first, second)
        pairs = zip(self.features, sums, strict=True)
        return {feature.name: _table(feature, found, numbers) for feature, found in pairs}


def _table(
    feature: Lookup | Frequent, found: CellSums, numbers: tuple[float, float] | None
) -> ValueTable:
    match feature:
        case TargetMean():
            return ValueTable.of_means(found, feature.smoothing, numbers)
        case Frequent():
            return ValueTable.of_frequent(found, feature.min_count)
        case _:
            return ValueTable.of_counts(found)


def class_numbers(labels: pa.Array) -> np.ndarray:
    """Return a number in [0, 1) that stands for each label, from a hash, (n_rows,) float64.

    Which classes there are is known at the end of a pass only. From the sum of these numbers and
    the number of rows follows how many rows are of the second of two classes.
    """
    distinct = pc.unique(labels)
    numbers = hashes_of_texts(distinct.cast(pa.string())) / 2.0**30
    found: np.ndarray = numbers[pc.index_in(labels, value_set=distinct).to_numpy()]
    return found
