"""The general stream: Spark's own scan reads the table, and passes its batches to the workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.errors import ConfigurationError
from petafit.functions.derivation import Derivation
from petafit.functions.spark import derived
from petafit.spark.compatibility import arrow_schema
from petafit.spark.failures import in_one_sentence
from petafit.spark.session import case_sensitive, require_delta
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.stream.batches import (
    Extension,
    Tally,
    carried_schema,
    chosen,
    normalise,
    predicate_schema,
)
from petafit.stream.nested import own_twins
from petafit.stream.scan.files import files_frame
from petafit.table.columns import Spellings, table_schema
from petafit.table.filters.literals import quoted
from petafit.table.filters.predicate import Predicate, RowFilter
from petafit.table.shards import wanted_files
from petafit.table.snapshot import DataFile, Snapshot


@dataclass(frozen=True)
class ScanSource:
    """The rows of Spark's scan of a table: those of `DirectSource`, in no fixed order.

    Attributes
    ----------
    frame : DataFrame or None
        The selected columns, and those the predicate reads; None in a worker.
    schema, predicate, conditions
        As in `petafit.stream.direct.DirectSource`.
    promised : int or None
        Upper limit of the selected rows by the table's log or its files' footers; None if neither
        records it.
    is_exact : bool
        All of these are selected: only partition values decide, and no row is deleted.
    names : tuple of str
        Names of the batches' columns, if those are numbered.
    batches : iterator of pyarrow.RecordBatch or None
        What Spark passes to a task; None on the driver.
    derivation : Extension, optional
        Adds columns to every batch.
    shards : int
        Upper limit of the shards; 0 if Spark decides, and their number is not known before.
    """

    frame: DataFrame | None
    schema: pa.Schema
    predicate: RowFilter
    conditions: pa.Schema = field(default_factory=lambda: pa.schema([]))
    promised: int | None = None
    is_exact: bool = False
    names: tuple[str, ...] = ()
    batches: Iterator[pa.RecordBatch] | None = None
    derivation: Extension | None = None

    shards: int = 0
    frozen = False
    pieces = range(1)

    @classmethod
    def of(
        cls,
        session: SparkSession,
        snapshot: Snapshot,
        columns: Sequence[str],
        predicate: RowFilter,
        *,
        frame: DataFrame | None = None,
        promised: int | None = None,
        is_exact: bool = False,
    ) -> "ScanSource":
        """Scan some columns of a snapshot, or of a frame of its columns; raises like `scan`."""
        return cls(
            scan(session, snapshot, columns, predicate, frame=frame),
            carried_schema(snapshot.schema, columns),
            predicate,
            predicate_schema(snapshot.schema, columns, predicate),
            promised,
            is_exact,
        )

    @classmethod
    def of_frame(cls, frame: DataFrame) -> "ScanSource":
        """Read all rows of a frame that is not a table."""
        schema = arrow_schema(frame.schema)
        return cls(frame, carried_schema(table_schema(schema), schema.names), Predicate())

    @property
    def identity(self) -> str:
        """Digest of the query on the table; the table itself is not included."""
        return digest(f"{self.schema}\n{self.predicate!r}".encode())

    def in_at_most(self, shards: int) -> "ScanSource":
        """Return the same rows in at most this number of shards, without a shuffle."""
        return replace(self, frame=self.driver_frame().coalesce(shards), shards=shards)

    def derived(self, derivation: Derivation) -> "ScanSource":
        """Return a source whose frame has the derived columns: Spark itself computes them."""
        return self.with_columns(derived(self.driver_frame(), derivation), derivation.schema)

    def with_columns(self, frame: DataFrame, added: pa.Schema) -> "ScanSource":
        """Return a source of a frame that has these columns beside the source's own."""
        carried = carried_schema(added, added.names)
        return replace(self, frame=frame, schema=pa.unify_schemas([self.schema, carried]))

    def driver_frame(self) -> DataFrame:
        """Return the frame, on the driver.

        Raises
        ------
        ConfigurationError
            In a worker, which has none.
        """
        if self.frame is None:
            raise ConfigurationError("Only the driver has the frame of a scan")
        return self.frame

    def for_tasks(self) -> tuple[DataFrame, "ScanSource"]:
        """Return the frame for tasks, and the source they need to read its batches.

        The frame's columns are numbered: PySpark's ``mapInArrow`` takes a name with a dot for a
        field of a struct, and one with a backtick for a mistake.
        """
        frame = self.driver_frame()
        numbered = frame.toDF(*map(str, range(len(frame.columns))))
        return numbered, replace(self, frame=None, names=tuple(frame.columns))

    def check(self, tally: Tally, title: str) -> None:
        """Compare the number of rows from Spark with that of the table's log or footers.

        Spark can be configured to skip missing or damaged files; their absence is detected here.

        Raises
        ------
        StorageError
            There were more, or fewer without a condition that explains it.
        """
        if self.promised is None:
            return
        if self.is_exact or tally.read > self.promised:
            replace(tally, promised=self.promised).require_equal(title)

    def receiving(self, batches: Iterator[pa.RecordBatch]) -> "ScanSource":
        """Return the source of a task to which Spark passes these batches: its own shard."""
        return replace(self, batches=batches)

    def read(
        self, shard: int, *, piece: int = 0, skip: int = 0, tally: Tally | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the batches that Spark passes to a task, as `DirectSource.read` would.

        Raises
        ------
        ConfigurationError
            Outside of Spark's tasks, which alone get batches.
        """
        if self.batches is None:
            raise ConfigurationError(
                "A scan can be read within Spark's tasks only", hint="Set `engine: spark`."
            )
        return islice(self._chosen(self.batches, tally or Tally()), skip, None)

    def _chosen(self, batches: Iterator[pa.RecordBatch], tally: Tally) -> Iterator[pa.RecordBatch]:
        needed = pa.unify_schemas([self.schema, self.conditions])
        for batch in batches:
            named = batch.rename_columns(list(self.names)) if self.names else batch
            rows = normalise(named, needed)
            wanted = chosen(rows, schema=self.schema, predicate=self.predicate)
            if wanted is not None:
                tally.read += wanted.num_rows
                yield self.derivation.extend(wanted) if self.derivation else wanted
        tally.pieces += 1


def scan(
    session: SparkSession,
    snapshot: Snapshot,
    columns: Sequence[str],
    predicate: RowFilter,
    *,
    frame: DataFrame | None = None,
) -> DataFrame:
    """Return a frame of the selected rows, with the selected columns and the predicate's.

    It reads the pinned version of a Delta table, or the pinned files of a Parquet table, whatever
    was written since. Spark filters by the predicate's SQL; the workers apply the whole predicate
    again.

    Parameters
    ----------
    frame : DataFrame, optional
        The rows, where the snapshot has no files.

    Raises
    ------
    ConfigurationError, ContractError
        The predicate or the columns do not fit the table, or Spark cannot read them.
    """
    predicate.check(snapshot.schema)
    needed = list(dict.fromkeys((*columns, *predicate.columns)))
    carried_schema(snapshot.schema, needed)
    _refuse_twins(session, snapshot, needed)
    with in_one_sentence(
        f"Spark cannot scan {snapshot.uri}", hint="Set `stream: direct` where the table allows it."
    ):
        if frame is None:
            files = wanted_files(snapshot.files, predicate)
            frame = _frame(session, snapshot, files, needed)
        return frame.where(predicate.sql()).select(*(F.col(quoted(n)).alias(n) for n in needed))


def _frame(
    session: SparkSession, snapshot: Snapshot, files: Sequence[DataFile], needed: Sequence[str]
) -> DataFrame:
    if snapshot.format == "parquet":
        return files_frame(session, snapshot, files, needed)
    require_delta(session)
    reader = session.read.format("delta").option("versionAsOf", snapshot.version)
    return reader.load(Folder(snapshot.uri).spark_uri)


def _refuse_twins(session: SparkSession, snapshot: Snapshot, needed: Sequence[str]) -> None:
    if case_sensitive(session):
        return
    own = Spellings(snapshot.schema.names)
    for name in needed:
        what, names = f"columns of {snapshot.uri}", own.alike(name)
        if len(names) < 2:
            what = f"fields of the column {name!r} of {snapshot.uri}"
            names = own_twins(snapshot.schema.field(name).type)
        if names:
            raise ConfigurationError(
                f"Spark cannot distinguish {what}",
                got=", ".join(map(repr, names)),
                hint="Set `stream: direct`, or `spark.session: {spark.sql.caseSensitive: true}`.",
            )
