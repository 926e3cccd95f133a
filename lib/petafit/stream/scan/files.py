"""The pinned files of a Parquet table as a DataFrame, with the snapshot's own partition values.

Spark would infer those from the folders' names, but differently from pyarrow: it reads ``01`` as a
number, decodes ``%C3%A3`` to two letters, and refuses ``c=``.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)
from pyspark.sql.types import StructType

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.stream.scan.types import spark_field
from petafit.table.filters.literals import quoted
from petafit.table.snapshot import DataFile, Snapshot

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
    path = frame.metadataColumn("_metadata").getField("file_path")
    joined = frame.withColumn(_PATH, path).join(
        F.broadcast(session.createDataFrame(values)), _PATH, "left"
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
