"""Encoding of Arrow batches to feature matrices, with compiled kernels."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import ConfigurationError, ContractError, did_you_mean
from petafit.features.column_statistics import TableStatistics
from petafit.features.columns import check_columns
from petafit.features.completion import completed
from petafit.features.encoding.batch import Batch
from petafit.features.encoding.categorical import CategoryBlock
from petafit.features.encoding.csr import to_csr
from petafit.features.encoding.cyclic import CyclicBlock
from petafit.features.encoding.hashing import IndexSpace
from petafit.features.encoding.lookup import LookupBlock
from petafit.features.encoding.numeric import NumericBlock
from petafit.features.encoding.origins import EntryOrigins
from petafit.features.encoding.stored import check_stored, reading
from petafit.features.encoding.target import class_positions, label_numbers, row_weights
from petafit.features.encoding.vectors import VectorBlock, joined
from petafit.features.feature import Feature, Frequent, Lookup
from petafit.features.plain import from_plain, to_plain
from petafit.features.text.ngrams import TextBlock
from petafit.features.tracing import TracedRows
from petafit.features.value_table import ValueTable
from petafit.store.arrays import StateDict
from petafit.table.columns import has_column

_MOST_DENSE_BITS = 14

Layout = Literal["csr", "dense"]
DType = Literal["float32", "float64"]


class Encoder:
    """Encodes record batches; a worker builds one and reuses it for all its batches.

    Parameters
    ----------
    features : tuple of Feature
    statistics : TableStatistics
        Statistics of the training table.
    hash_bits : int
        Bits of hashed indices; see `petafit.features.encoding.hashing.IndexSpace`.
    label, weight : str, optional
        The columns of y and of the rows' weights.
    layout : {"csr", "dense"}
    dtype : {"float32", "float64"}
        Type of X; computations use float64.
    numbers_apart : bool
        Numbers have separate indices; False for models in which they are hashed.
    unicode : {"NFC", "NFD", "NFKC", "NFKD"}, optional
        The form to which texts of features and labels are normalized.
    tracing : bool
        Batches say of which feature each entry was made; of CSR rows only.
    folds_by : sequence of str
        The keys of training rows: means of the label leave out the rows of their fold. Not stored:
        an encoder of a stored model is for rows that it was not trained on.

    Raises
    ------
    ConfigurationError
        A dense X with more than 2**14 hashed or numeric columns.
    """

    def __init__(
        self,
        features: tuple[Feature, ...],
        statistics: TableStatistics,
        *,
        hash_bits: int,
        label: str | None = None,
        weight: str | None = None,
        layout: Layout = "csr",
        dtype: DType = "float32",
        numbers_apart: bool = True,
        unicode: UnicodeForm | None = None,
        tracing: bool = False,
        folds_by: Sequence[str] = (),
    ) -> None:
        features = completed(features, statistics)
        self.space = IndexSpace(features, hash_bits, numbers_apart=numbers_apart)
        if layout == "dense":
            _refuse_wide(self.space, hash_bits)
        self.features, self.statistics, self.hash_bits = features, statistics, hash_bits
        self.label, self.weight = label, weight
        self.layout, self.dtype = layout, dtype
        self.numbers_apart, self.unicode = numbers_apart, unicode
        self._numeric = NumericBlock(features, statistics)
        self._category = CategoryBlock(features, hash_bits, unicode, statistics.tables)
        self._text = TextBlock(features, hash_bits, unicode)
        self._cyclic = CyclicBlock(features)
        self._lookup = LookupBlock(features, statistics.tables, unicode)
        self.folds_by = tuple(folds_by) if self._lookup.has_folds else ()
        self._vectors = VectorBlock(features, self.space.vectors)
        self._origins = EntryOrigins(features) if tracing else None
        self._ragged = TracedRows(features, hash_bits, unicode, self.space)
        self._schema: pa.Schema | None = None

    def with_tracing(self) -> "Encoder":
        """Return an encoder of the same rows whose batches say of which feature an entry is."""
        other = copy(self)
        other._origins = EntryOrigins(self.features)
        return other

    @property
    def n_features(self) -> int:
        """Number of columns of X."""
        return self.space.size

    def __call__(self, batch: pa.RecordBatch, labels: bool = True) -> Batch:
        """Encode a batch; without `labels` neither label nor weight is read.

        Raises
        ------
        ContractError
            A column is missing or of a wrong type; a label or a weight is missing or unknown.
        """
        if self._schema is None or not batch.schema.equals(self._schema):
            check_columns(self.features, batch.schema, error=ContractError)
            self._schema = batch.schema
        X, origins = (self._encoded(batch), None) if self._origins is None else self._traced(batch)
        return Batch(
            X=X,
            y=self._labels(batch) if labels else None,
            weight=self.weights(batch) if labels else None,
            origins=origins,
        )

    def targets(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the labels and the weights of a batch, as in `Batch`.

        Raises
        ------
        ContractError
            One is missing, unknown or of a wrong type.
        ConfigurationError
            The encoder has no label.
        """
        labels = self._labels(batch)
        if labels is None:
            raise ConfigurationError("There is no label to compare with", hint="Name a `label`.")
        return labels, self.weights(batch)

    def _encoded(self, batch: pa.RecordBatch) -> Any:
        X = to_csr(
            self.space.numbers,
            self._numbers(batch),
            self._category.encode(batch),
            joined(self._text.encode(batch), self._vectors.encode(batch, self.dtype)),
            n_rows=batch.num_rows,
            n_features=self.n_features,
        )
        return X.toarray() if self.layout == "dense" else X

    def _traced(self, batch: pa.RecordBatch) -> tuple[Any, np.ndarray]:
        """Return X and the origin of each of its entries, as in `Batch`."""
        assert self._origins is not None
        ragged, origins = self._ragged.encode(batch, self.dtype)
        values = self._numbers(batch)
        categories = self._category.encode(batch)
        shape = {"n_rows": batch.num_rows, "n_features": self.n_features}
        X = to_csr(self.space.numbers, values, categories, ragged, **shape)
        ends = np.zeros(batch.num_rows + 1, np.int64) if ragged is None else ragged.offsets
        return X, self._origins.of_entries(values, categories, origins, ends)

    def _numbers(self, batch: pa.RecordBatch) -> np.ndarray:
        values = self._numeric.encode(batch, self.dtype)
        if len(values) == len(self.space.numbers):
            return values
        cyclic = self._cyclic.encode(batch, self.dtype)
        looked_up = self._lookup.encode(batch, self.dtype, self.folds_by)
        return np.concatenate([values, cyclic, looked_up])

    def _labels(self, batch: pa.RecordBatch) -> np.ndarray | None:
        if self.label is None:
            return None
        column = _column(batch, self.label)
        if self.statistics.classes is None:
            return label_numbers(column, self.label)
        return class_positions(column, self.label, self.statistics.classes, self.unicode)

    def weights(self, batch: pa.RecordBatch) -> np.ndarray | None:
        """Return the weights of a batch; None: every row weighs 1."""
        if self.weight is None:
            return None
        return row_weights(_column(batch, self.weight), self.weight)

    def of_other_rows(self) -> "Encoder":
        """Return the encoder for rows that the statistics do not come from."""
        other = copy(self)
        other.folds_by = ()
        return other

    def to_state_dict(self) -> StateDict:
        """Return everything that `from_state_dict` needs; stored in the model."""
        params = {
            "features": [to_plain(feature) for feature in self.features],
            "hash_bits": self.hash_bits,
            "numbers_apart": self.numbers_apart,
            "label": self.label,
            "weight": self.weight,
            **({"unicode": self.unicode} if self.unicode else {}),
        }
        stored = StateDict(params=params) | self.statistics.to_state_dict().prefixed("facts")
        for name, table in self.statistics.tables.items():
            stored = stored | table.to_state_dict().prefixed(f"tables/{name}")
        return stored

    @classmethod
    def from_state_dict(
        cls,
        named: StateDict,
        *,
        layout: Layout = "csr",
        dtype: DType = "float32",
        labelled: bool = True,
    ) -> Self:
        """Rebuild the encoder that `to_state_dict` stored, for a learner with this layout.

        Parameters
        ----------
        labelled : bool
            It belongs to a model of labels; False: to a clusterer, or to features alone.

        Raises
        ------
        StorageError
            A parameter is missing or unknown.
        """
        with reading("The encoder of a stored model"):
            features = tuple(map(from_plain, named.params["features"]))
            statistics = TableStatistics.from_state_dict(named.part("facts"))
            given = {name: named.params[name] for name in ("hash_bits", "label", "weight")}
            given["numbers_apart"] = named.params.get("numbers_apart", False)
            given["unicode"] = named.params.get("unicode")
            check_stored(features, statistics, **given, labelled=labelled)
            tables = {
                feature.name: ValueTable.from_state_dict(named.part(f"tables/{feature.name}"))
                for feature in features
                if isinstance(feature, Lookup | Frequent)
            }
            statistics = replace(statistics, tables=tables)
        return cls(features, statistics, **given, layout=layout, dtype=dtype)


def _refuse_wide(space: IndexSpace, hash_bits: int) -> None:
    """Refuse dense rows of which a batch would not fit into memory."""
    problem, hint = "The learner takes dense rows, and these would not fit into memory", "choose a "
    hint += "learner that takes sparse rows."
    if space.n_hashed > 1 << _MOST_DENSE_BITS:
        raise ConfigurationError(
            problem,
            expected=f"hash_bits of {_MOST_DENSE_BITS} or fewer",
            got=hash_bits,
            hint=f"Lower `hash_bits`, or {hint}",
        )
    if space.size - space.n_hashed > 1 << _MOST_DENSE_BITS:
        raise ConfigurationError(
            problem,
            expected=f"{1 << _MOST_DENSE_BITS:,} numbers and slots of vectors or fewer",
            got=f"{space.size - space.n_hashed:,}",
            hint=f"Name fewer, or {hint}",
        )


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if not has_column(batch.schema, name):
        raise ContractError(
            f"The column {name!r} is missing", hint=did_you_mean(name, batch.schema.names)
        )
    return batch.column(name)
