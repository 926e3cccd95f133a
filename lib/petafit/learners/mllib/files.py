"""Validation of Spark's model files before Spark loads them, since loading instantiates classes.

A stage's metadata name a class, which Spark imports, and parameters, which may contain SQL, which
may call any Java method. So only the classes of petafit's pipelines are accepted, and only the SQL
functions that features use. Spark does not check the sizes of vectors and matrices either, and the
errors it raises in prediction name neither model nor file.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.features.encoding.stored import reading
from petafit.store.filesystem import Folder

_CLASSES = frozenset(
    (
        "pyspark.ml.pipeline.PipelineModel",
        "org.apache.spark.ml.PipelineModel",
        "org.apache.spark.ml.feature.FeatureHasher",
        "org.apache.spark.ml.feature.SQLTransformer",
        "org.apache.spark.ml.feature.VectorAssembler",
        "org.apache.spark.mllib.clustering.BisectingKMeansModel",
        "petafit.features.number_stage.AddNumbers",
        "petafit.features.text_stage.AddText",
        "petafit.features.spark.number_stage.AddNumbers",
        "petafit.features.spark.text_stage.AddText",
        "petafit.features.spark.unicode_stage.NormalizeTexts",
        "petafit.features.spark.vector_stage.AddVectors",
    )
)
_ESTIMATOR = re.compile(
    r"org\.apache\.spark\.ml\.(classification|clustering|regression)\.[A-Za-z]+"
)

_FUNCTIONS = frozenset(
    (
        "abs",
        "array",
        "as",
        "cast",
        "coalesce",
        "concat",
        "dayofmonth",
        "filter",
        "hour",
        "if",
        "isnan",
        "log1p",
        "minute",
        "month",
        "signum",
        "size",
        "struct",
        "weekday",
        "year",
    )
)
"""SQL functions that features use; `as` precedes types and names."""

_NAME_OR_TEXT = re.compile(r"`[^`]*`|'[^'\\]*'")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_PLAIN = re.compile(
    r"SELECT ((?!\b(FROM|JOIN|SELECT|TRANSFORM)\b)[\w\s.,()<>=*/+-])* FROM __THIS__"
)
_UID = re.compile(r"[A-Za-z0-9_]+")
METADATA = re.compile(r"(.*/)?metadata/part-[^/]*")

_MAY_BE_LOW = frozenset({"pi", "theta"})
"""Logarithms of naive Bayes: that of 0 is negative infinity."""

_VECTOR = frozenset({"type", "size", "indices", "values"})
_MATRIX = frozenset({"numRows", "numCols", "colPtrs", "rowIndices", "values", "isTransposed"})

_OF_FEATURES = {
    "coefficients": "size",
    "linear": "size",
    "coefficientMatrix": "numCols",
    "theta": "numCols",
    "factors": "numRows",
    "clusterCenter": "size",
    "center": "size",
    "mus": "size",
    "sigmas": "numCols",
}
"""Columns whose size is the number of features, and how it is read from them."""


def check_classes(folder: Folder) -> None:
    """Refuse a pipeline that petafit has not written: loading it could run foreign code.

    Raises
    ------
    StorageError
        Metadata are damaged, or name a class, function or path that is not accepted.
    """
    names = [name for name in folder.files() if METADATA.fullmatch(name)]
    if not names:
        raise _foreign(folder, expected="the metadata of a pipeline", got="none")
    for name in names:
        with reading(f"{folder.uri}/{name}"):
            for line in folder.read(name).splitlines():
                _check_stage(folder, json.loads(line))


def check_files(folder: Folder, *, n_features: int) -> None:
    """Refuse a stored model that `check_classes` refuses, that is not finite, or that does not fit.

    Parameters
    ----------
    n_features : int
        Length of the model's input vectors.

    Raises
    ------
    StorageError
        The model is not petafit's, is damaged, or was fitted to other features.
    """
    check_classes(folder)
    for name, table in stored_tables(folder):
        with reading(f"{folder.uri}/{name}"):
            spoilt = _first_spoilt(table)
            misshapen = first_misshapen(table, n_features=n_features)
        if spoilt:
            raise StorageError(
                f"Spark's model in {folder.uri} holds numbers that are not finite",
                got=f"NaN or infinity in {spoilt!r}",
                hint="Train it again.",
            )
        if misshapen:
            raise StorageError(
                f"Spark's model in {folder.uri} does not fit its features",
                expected=f"consistent sizes, and {n_features} features",
                got=f"inconsistent sizes in {misshapen!r}",
                hint="Copy the model again, or train it again.",
            )


def first_not_finite(folder: Folder) -> str | None:
    """Return the name of a column of a stored model with NaN or an infinite number, if any."""
    return next(filter(None, (_first_spoilt(table) for _, table in stored_tables(folder))), None)


def stored_tables(folder: Folder) -> Iterator[tuple[str, pa.Table]]:
    """Read the Parquet tables of a stored model, by their files' names."""
    for name in folder.files():
        if name.endswith(".parquet"):
            path = f"{folder.path}/{name}"
            with reading(f"{folder.uri}/{name}"), folder.filesystem.open_input_file(path) as source:
                table = pq.read_table(source)
            yield name, table


def _first_spoilt(table: pa.Table) -> str | None:
    for name in table.column_names:
        if not all(map(_is_finite, _numbers(table.column(name), name))):
            return name
    return None


def _check_stage(folder: Folder, metadata: dict[str, Any]) -> None:
    kind = metadata["class"]
    params = {**metadata.get("defaultParamMap", {}), **metadata.get("paramMap", {})}
    if kind not in _CLASSES and not _ESTIMATOR.fullmatch(kind):
        raise _foreign(folder, expected="a class of Spark ML's, or of petafit's", got=kind)
    for uid in params.get("stageUids", []):
        if not _UID.fullmatch(uid):
            raise _foreign(folder, expected="stages within the model's folder", got=uid)
    if kind.endswith("SQLTransformer"):
        _check_sql(folder, params["statement"])


def _check_sql(folder: Folder, statement: str) -> None:
    plain = _NAME_OR_TEXT.sub("_", statement)
    calls = {name.lower() for name in _CALL.findall(plain)}
    if not calls <= _FUNCTIONS or not _PLAIN.fullmatch(plain) or "--" in plain or "/*" in plain:
        raise _foreign(folder, expected="the SQL of features", got=statement)


def _numbers(column: pa.ChunkedArray | pa.Array, path: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield all floating-point values nested in a column, with their names."""
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        for chunk in column.chunks:
            yield from _numbers(chunk, path)
    elif pa.types.is_struct(kind):
        for number in range(kind.num_fields):
            yield from _numbers(column.field(number), path)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _numbers(column.flatten(), path)
    elif pa.types.is_floating(kind):
        yield path, column.drop_null().to_numpy(zero_copy_only=False)


def _is_finite(column: tuple[str, np.ndarray]) -> bool:
    name, numbers = column
    if name in _MAY_BE_LOW:
        numbers = numbers[~np.isneginf(numbers)]
    return bool(np.isfinite(numbers).all())


def _foreign(folder: Folder, *, expected: object, got: object) -> StorageError:
    return StorageError(
        f"Spark's model in {folder.uri} was not written by petafit",
        expected=expected,
        got=repr(got)[:200],
        hint="Loading it could run foreign code: train the model again.",
    )


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
    values, indices = _values_of(row["values"]), _values_of(row["indices"])
    if row["type"].as_py() == 1:
        return {"size": len(values)}
    size = row["size"].as_py()
    return {"size": size} if _are_places(indices, len(values), size) else None


def _matrix(row: pa.StructScalar) -> dict[str, int] | None:
    """Return a matrix's sizes; None if its parts are inconsistent."""
    values, sizes = _values_of(row["values"]), {n: row[n].as_py() for n in ("numRows", "numCols")}
    rows, columns = sizes.values()
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 0:
        return None
    if row["type"].as_py() == 1:
        return sizes if len(values) == rows * columns else None
    long, short = (columns, rows) if row["isTransposed"].as_py() else (rows, columns)
    ends, places = _values_of(row["colPtrs"]), _values_of(row["rowIndices"])
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


def _values_of(listed: pa.ListScalar) -> np.ndarray:
    values = listed.values
    return np.empty(0) if values is None else np.asarray(values.to_numpy(zero_copy_only=False))
