"""The pinned files of a Parquet table as a DataFrame, with the snapshot's own partition values.

Spark would infer those from the folders' names, but differently from pyarrow: it reads ``01`` as a
number, decodes ``%C3%A3`` to two letters, and refuses ``c=``.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import StructField, StructType

from petafit.errors import ConfigurationError
from petafit.spark.compatibility import file_metadata, frame_of
from petafit.store.filesystem import Folder
from petafit.table.columns import leaves
from petafit.table.filters.literals import quoted
from petafit.table.snapshot import DataFile, Snapshot
from petafit.table.writers.types import written_type

_GLOB = re.compile(r"([{}\[\]*?\\])")
_ROOT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//[^/]*)?")
_PATH = "petafit file path"
_VALUE = "petafit value of {}"


def files_frame(
    session: SparkSession, snapshot: Snapshot, files: Sequence[DataFile], needed: Sequence[str]
) -> DataFrame:
    """Return a frame with the needed columns of some of a table's files.

    Raises
    ------
    ConfigurationError
        Spark cannot read a column, or would skip a file.
    """
    folders = [name for name in needed if name in snapshot.partition_columns]
    fields = [spark_field(field) for field in snapshot.schema if field.name in needed]
    if not files:
        return session.createDataFrame([], StructType(fields))
    stored = [field for field in fields if field.name not in folders]
    # Spark interprets paths as glob patterns.
    paths = [_GLOB.sub(r"\\\1", Folder(file.path).spark_uri) for file in files]
    frame = session.read.schema(StructType(stored)).parquet(*paths)
    if not folders:
        return frame
    return _with_values(session, frame, files, snapshot.schema, folders)


def _with_values(
    session: SparkSession,
    frame: DataFrame,
    files: Sequence[DataFile],
    schema: pa.Schema,
    columns: Sequence[str],
) -> DataFrame:
    """Join the partition columns to the frame: a plan of the same size for any number of files."""
    found = _as_spark_names(frame, files)
    values = pa.table(
        {
            _PATH: list(found),
            **{
                _VALUE.format(name): pa.array(
                    [file.partition[name] for file in found.values()], schema.field(name).type
                )
                for name in columns
            },
        }
    )
    path = file_metadata(frame).getField("file_path")
    joined = frame.withColumn(_PATH, path).join(
        F.broadcast(frame_of(session, values)), _PATH, "left"
    )
    known = [F.col(quoted(name)) for name in frame.columns]
    added = [F.col(quoted(_VALUE.format(name))).alias(name) for name in columns]
    return joined.select(*known, *added)


def _as_spark_names(frame: DataFrame, files: Sequence[DataFile]) -> Mapping[str, DataFile]:
    """Map all names that Spark may give to the files, so that rows of no other file are read.

    Raises
    ------
    ConfigurationError
        Spark would skip a file, or read another.
    """
    pinned = {_below_root(Folder(file.path).spark_uri): file for file in files}
    found = {uri: unquote(_below_root(uri)) for uri in frame.inputFiles()}
    strange = pinned.keys() ^ set(found.values())
    if strange:
        raise ConfigurationError(
            f"Spark would not read the same files: {min(strange)}",
            hint="Set `stream: direct`, or rename the file.",
        )
    names = {}
    for uri, path in found.items():
        names[uri] = names[uri.replace(":///", ":/", 1)] = pinned[path]
    return names


def _below_root(uri: str) -> str:
    """Return a URI's path on its filesystem, since Spark may have completed the authority."""
    return _ROOT.sub("", uri, count=1)


_SPARK_DIGITS = 38


def spark_field(column: pa.Field) -> StructField:
    """Return the field of a column in the schema given to Spark.

    Raises
    ------
    ConfigurationError
        Spark's Parquet reader has no such type.
    """
    if any(map(_is_foreign, leaves(column.type))):
        raise _unreadable(column)
    try:
        kind = column.type if pa.types.is_null(column.type) else written_type(column.type)
        return StructField(column.name, from_arrow_type(kind, prefer_timestamp_ntz=True))
    except (PySparkException, TypeError) as error:
        raise _unreadable(column) from error


def _is_foreign(kind: pa.DataType) -> bool:
    """Return whether Spark has no type for this type's representation in Parquet files."""
    return bool(
        (pa.types.is_timestamp(kind) and kind.unit == "ns")
        or (pa.types.is_decimal(kind) and kind.precision > _SPARK_DIGITS)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
        or pa.types.is_float16(kind)
    )


def _unreadable(column: pa.Field) -> ConfigurationError:
    return ConfigurationError(
        f"Spark cannot read column {column.name!r}",
        got=f"type {column.type}",
        hint="Leave it out, or set `stream: direct`.",
    )
