"""Consistency checks of the sizes of vectors and matrices in Spark's stored models.

Spark does not check them, and the errors it raises in prediction name neither model nor file.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

_VECTOR = frozenset({"type", "size", "indices", "values"})
_MATRIX = frozenset({"numRows", "numCols", "colPtrs", "rowIndices", "values", "isTransposed"})

_OF_FEATURES = {
    "coefficients": "size",
    "linear": "size",
    "coefficientMatrix": "numCols",
    "theta": "numCols",
    "factors": "numRows",
}
"""Columns whose size is the number of features, and how it is read from them."""


def first_misshapen(table: pa.Table, *, n_features: int) -> str | None:
    """Return the name of a column whose vectors, matrices or splits do not fit; else None.

    Parameters
    ----------
    n_features : int
        Length of the model's input vectors.
    """
    for name in table.column_names:
        for chunk in table.column(name).chunks:
            if not all(_fits(*found, n_features) for found in _structs(chunk, name)):
                return name
    return None


def _structs(column: pa.Array, path: str) -> Iterator[tuple[pa.StructArray, str]]:
    """Yield all structs nested in a column, with the names of their parents."""
    if pa.types.is_struct(column.type):
        yield column, path
        for number, field in enumerate(column.type):
            yield from _structs(column.field(number), field.name)
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _structs(column.flatten(), path)


def _fits(found: pa.StructArray, name: str, n_features: int) -> bool:
    names = {field.name for field in found.type}
    if "featureIndex" in names:
        indices = found.field("featureIndex").drop_null().to_numpy(zero_copy_only=False)
        return not indices.size or bool(indices.max() < n_features)
    if not (names >= _VECTOR or names >= _MATRIX):
        return True
    shape = _vector if names >= _VECTOR else _matrix
    for row in found.drop_null():
        sizes = shape(row)
        if sizes is None or (name in _OF_FEATURES and sizes[_OF_FEATURES[name]] != n_features):
            return False
    return True


def _vector(row: pa.StructScalar) -> dict[str, int] | None:
    """Return a vector's size; None if its parts are inconsistent."""
    values, indices = _numbers(row["values"]), _numbers(row["indices"])
    if row["type"].as_py() == 1:
        return {"size": len(values)}
    size = row["size"].as_py()
    return {"size": size} if _are_places(indices, len(values), size) else None


def _matrix(row: pa.StructScalar) -> dict[str, int] | None:
    """Return a matrix's sizes; None if its parts are inconsistent."""
    values, sizes = _numbers(row["values"]), {n: row[n].as_py() for n in ("numRows", "numCols")}
    rows, columns = sizes.values()
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 0:
        return None
    if row["type"].as_py() == 1:
        return sizes if len(values) == rows * columns else None
    long, short = (columns, rows) if row["isTransposed"].as_py() else (rows, columns)
    ends, places = _numbers(row["colPtrs"]), _numbers(row["rowIndices"])
    whole = len(ends) == short + 1 and ends[0] == 0 and ends[-1] == len(values) == len(places)
    if not whole or (np.diff(ends) < 0).any():
        return None
    return sizes if not places.size or 0 <= places.min() <= places.max() < long else None


def _are_places(indices: np.ndarray, count: int, size: object) -> bool:
    """Return whether indices ascend, are as many as the values, and lie below the size."""
    if type(size) is not int or len(indices) != count:
        return False
    rising = bool((np.diff(indices) > 0).all())
    return rising and (not count or bool(indices[0] >= 0 and indices[-1] < size))


def _numbers(listed: pa.ListScalar) -> np.ndarray:
    values = listed.values
    return np.empty(0) if values is None else np.asarray(values.to_numpy(zero_copy_only=False))
