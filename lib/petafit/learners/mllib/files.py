"""Validation of Spark's model files before Spark loads them, since loading instantiates classes.

A stage's metadata name a class, which Spark imports, and parameters, which may contain SQL, which
may call any Java method. So only the classes of petafit's pipelines are accepted, and only the SQL
functions that features use.
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
from petafit.learners.mllib.shapes import first_misshapen
from petafit.store.filesystem import Folder

_CLASSES = frozenset(
    (
        "pyspark.ml.pipeline.PipelineModel",
        "org.apache.spark.ml.PipelineModel",
        "org.apache.spark.ml.feature.FeatureHasher",
        "org.apache.spark.ml.feature.SQLTransformer",
        "org.apache.spark.ml.feature.VectorAssembler",
        "petafit.features.number_stage.AddNumbers",
        "petafit.features.text_stage.AddText",
        "petafit.features.spark.number_stage.AddNumbers",
        "petafit.features.spark.text_stage.AddText",
        "petafit.features.spark.unicode_stage.NormalizeTexts",
    )
)
_ESTIMATOR = re.compile(r"org\.apache\.spark\.ml\.(classification|regression)\.[A-Za-z]+")

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
_METADATA = re.compile(r"(.*/)?metadata/part-[^/]*")

_MAY_BE_LOW = frozenset({"pi", "theta"})
"""Logarithms of naive Bayes: that of 0 is negative infinity."""


def check_classes(folder: Folder) -> None:
    """Refuse a pipeline that petafit has not written: loading it could run foreign code.

    Raises
    ------
    StorageError
        Metadata are damaged, or name a class, function or path that is not accepted.
    """
    names = [name for name in folder.files() if _METADATA.fullmatch(name)]
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
    for name, table in _tables(folder):
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
    return next(filter(None, (_first_spoilt(table) for _, table in _tables(folder))), None)


def _tables(folder: Folder) -> Iterator[tuple[str, pa.Table]]:
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
    params = {**metadata["defaultParamMap"], **metadata["paramMap"]}
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
