"""Rows that only Spark reads: tables of a catalog, files of other formats, queries, DataFrames."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField

from petafit.config.section import Scalar
from petafit.config.tables import Table, View
from petafit.errors import ContractError
from petafit.spark.compatibility import arrow_table, arrow_type, schema_of
from petafit.spark.failures import in_one_sentence
from petafit.spark.remote import is_remote
from petafit.store.filesystem import Folder
from petafit.stream.scan.stream import scan
from petafit.table.columns import Spellings, canonical
from petafit.table.filters.literals import quoted
from petafit.table.filters.predicate import Predicate
from petafit.table.opening import open_table
from petafit.table.snapshot import Snapshot

log = logging.getLogger("petafit")

_SAMPLED_ROWS = 100_000
_SAMPLED_CELLS = 5_000_000

_OPTIONS: Mapping[str, Mapping[str, Scalar]] = {
    "csv": {"header": True, "enforceSchema": False, "mode": "FAILFAST"},
    "json": {"mode": "FAILFAST"},
}
"""Defaults under which damaged lines and columns in another order fail, not become nulls."""


def open_source(session: SparkSession, table: Table) -> tuple[Snapshot, DataFrame]:
    """Open the rows of a task that are not a folder of Parquet or Delta files.

    A Delta table of the catalog is pinned: every pass of the run reads the same version. All other
    sources are read again in every pass.

    Raises
    ------
    ConfigurationError
        There is no such table, this Spark lacks the format, or the query is wrong.
    ContractError
        No column can be read, or two have the same name.
    """
    with in_one_sentence(
        f"Spark cannot read {table.title}",
        hint="Check the names, the format and its options: `petafit config` prints them.",
    ):
        if table.sql is None:
            frame, version = _opened(session, table)
            return as_table(frame, table.title, version)
        views = {name: _opened(session, view)[0] for name, view in table.views.items()}
        with _registered(session, views):
            return as_table(session.sql(table.sql), table.title)


def as_table(
    frame: DataFrame, title: str, version: int | None = None
) -> tuple[Snapshot, DataFrame]:
    """Describe a frame as a table, without the columns whose types Arrow lacks.

    Returns
    -------
    Snapshot
        Of the frame's columns; it has no files.
    DataFrame
        The frame with these columns.

    Raises
    ------
    ContractError
        No column is left, or two have the same name.
    """
    schema = schema_of(frame)
    twins = Spellings(schema.names).twins or _repeated(schema.names)
    if twins:
        raise ContractError(
            f"{title} has two columns of one name",
            got=" and ".join(map(repr, twins)),
            hint="Rename one in the query.",
        )
    fields, unknown = [], []
    for field in schema:
        found = arrow_field(field)
        if found is None:
            unknown.append(f"{field.name} ({field.dataType.simpleString()})")
        else:
            fields.append(found)
    if not fields:
        raise ContractError(f"{title} has no column that can be read", got=", ".join(unknown))
    if unknown:
        log.warning("%s: columns that are not read, for their types: %s", title, ", ".join(unknown))
        frame = frame.select(*(quoted(field.name) for field in fields))
    reason = "it is no folder of Parquet or Delta files"
    return Snapshot(title, "spark", version, pa.schema(fields), (), (), reason), frame


def arrow_field(field: StructField) -> pa.Field | None:
    """Return a column of a frame as one of a table; None if Arrow lacks its type."""
    try:
        return pa.field(field.name, canonical(arrow_type(field.dataType)))
    except PySparkException:
        return None


def sample_of(frame: DataFrame, snapshot: Snapshot, columns: Sequence[str]) -> tuple[pa.Table, int]:
    """Return some rows of a source from all over it, and the number of all.

    Raises
    ------
    ConfigurationError
        Spark cannot read them.
    """
    schema = pa.schema([snapshot.schema.field(name) for name in columns])
    with in_one_sentence(f"Spark cannot read {snapshot.uri}"):
        total = frame.count()
        wanted = min(_SAMPLED_ROWS, _SAMPLED_CELLS // len(columns))
        if total > wanted:
            frame = frame.sample(fraction=wanted / total, seed=0)
        rows = arrow_table(frame.select(*map(quoted, columns)))
    return rows.cast(schema), total


def _opened(session: SparkSession, view: View) -> tuple[DataFrame, int | None]:
    """Return a view's rows, and their version where they are pinned to one."""
    if view.name is not None:
        return _of_catalog(session, view.name, view.version)
    if view.is_stored:
        found = open_table(Table(uri=view.uri, format=view.format, version=view.version))
        return scan(session, found, found.schema.names, Predicate()), found.version
    given = {**_OPTIONS.get(view.format, {}), **view.options}
    if view.format == "csv" and view.columns is None:
        given.setdefault("inferSchema", True)
    reader = session.read.format(view.format).options(**given)
    if view.columns is not None:
        reader = reader.schema(view.columns)
    return reader.load(None if view.uri is None else Folder(view.uri).spark_uri), None


def _of_catalog(
    session: SparkSession, name: str, version: int | None
) -> tuple[DataFrame, int | None]:
    """Return a table or view, at one version where the table is Delta's."""
    if version is None:
        version = _newest_version(session, name)
    if version is None:
        return session.table(name), None
    return session.sql(f"SELECT * FROM {name} VERSION AS OF {version}"), version


def _newest_version(session: SparkSession, name: str) -> int | None:
    try:
        detail = session.sql(f"DESCRIBE DETAIL {name}").first()
        if detail is None or detail["format"] != "delta":
            return None
        newest = session.sql(f"DESCRIBE HISTORY {name} LIMIT 1").first()
    except PySparkException:  # a view, a table of another format, a Spark without Delta
        return None
    return None if newest is None else int(newest["version"])


@contextmanager
def _registered(session: SparkSession, views: Mapping[str, DataFrame]) -> Iterator[None]:
    """Name frames in the session's queries, and restore what had these names before.

    Spark Connect looks names up again in every pass: there they stay.
    """
    former = {name: session.table(quoted(name)) for name in views if _is_temporary(session, name)}
    for name, frame in views.items():
        frame.createOrReplaceTempView(quoted(name))
    try:
        yield
    finally:
        if not is_remote(session):
            for name in views:
                session.catalog.dropTempView(name)
            for name, frame in former.items():
                frame.createOrReplaceTempView(quoted(name))


def _is_temporary(session: SparkSession, name: str) -> bool:
    # in Spark 3.5 `catalog.listTables` fails and `SHOW TABLES` errs where there is a temporary view
    try:
        return session.catalog.getTable(quoted(name)).isTemporary
    except PySparkException:
        return False


def _repeated(names: Sequence[str]) -> tuple[str, ...]:
    return next(((name, name) for name in names if names.count(name) > 1), ())
