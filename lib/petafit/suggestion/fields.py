"""Columns as cells of rows: bins of numbers, and distinct values."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from petafit.features.quantiles import QuantileSketch, cells_for
from petafit.table.columns import comparable


@dataclass(frozen=True, slots=True)
class ColumnCells:
    """The cell of each row by one column; missing values have one of their own.

    Attributes
    ----------
    name : str
        Of the feature that tells the cells apart.
    cells : ndarray of int64, shape (n_rows,)
    n_cells : int
    """

    name: str
    cells: np.ndarray
    n_cells: int

    def cross(self, other: "ColumnCells") -> "ColumnCells":
        """Return the cells of both together."""
        cells = self.cells * other.n_cells + other.cells
        return ColumnCells(f"{self.name}×{other.name}", cells, self.n_cells * other.n_cells)


def by_value(name: str, column: pa.ChunkedArray) -> ColumnCells:
    """Return a cell for each distinct value."""
    coded = column.combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # of no chunk, or of too many bytes for one
        coded = pa.concat_arrays(coded.chunks)
    if not isinstance(coded, pa.DictionaryArray):
        coded = coded.dictionary_encode()
    missing = len(coded.dictionary)
    cells = coded.indices.fill_null(missing).to_numpy(zero_copy_only=False).astype(np.int64)
    return ColumnCells(name, cells, missing + 1)


def by_bin(name: str, column: pa.ChunkedArray, bins: int) -> ColumnCells:
    """Return a cell for each quantile bin of a number, as `binned` features have them."""
    values = as_numbers(column)
    edges = QuantileSketch.empty(cells_for(bins)).of_more(values).edges(bins)
    missing = len(edges) + 1
    cells = np.searchsorted(np.array(edges), values, side="right")
    return ColumnCells(name, np.where(np.isnan(values), missing, cells), missing + 1)


def as_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values of a column of numbers, (n_rows,) float64, NaN where there is none."""
    values = comparable(column).cast(pa.float64(), safe=False)
    return np.array(values.to_numpy(), np.float64)
