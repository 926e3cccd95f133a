"""From a job's settings to the rows of a pinned table."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from petafit.config.settings import Settings
from petafit.config.tables import Table
from petafit.errors import ConfigurationError, ConflictError
from petafit.store.arrays import digest
from petafit.stream.batches import Source, Tally
from petafit.stream.choose import How, choose
from petafit.stream.direct import DirectSource
from petafit.stream.scan.footers import check_footers
from petafit.table.filters.split import Part, Selection, select
from petafit.table.opening import open_table
from petafit.table.parquet.snapshot import open_file
from petafit.table.plans import Plan, open_plan, write_plan
from petafit.table.shards import Shard, partition_name, plan, plan_by_partition
from petafit.table.snapshot import Snapshot
from petafit.workflow.derived import NOTHING_DERIVED, Derived
from petafit.workflow.job import Job
from petafit.workflow.spelling import spelled

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from petafit.stream.scan.stream import ScanSource

log = logging.getLogger("petafit")


@dataclass(frozen=True)
class TaskRows:
    """The rows of one pinned table, for one job.

    Attributes
    ----------
    how : {"direct", "scan"}
        Whether the workers read the files, or Spark's own scan does.
    frame : DataFrame or None
        The rows of a snapshot without files.
    """

    job: Job
    snapshot: Snapshot
    how: How
    frame: "DataFrame | None" = None

    @cached_property
    def settings(self) -> Settings:
        """The job's settings, with columns named as the table spells them."""
        return spelled(self.job.settings, self.snapshot.schema.names)

    def spelled_as(self, names: Iterable[str]) -> "TaskRows":
        """The same rows, with columns named as here where only the case of letters differs."""
        snapshot = self.snapshot.spelled_as(names)
        if self.frame is None:
            return replace(self, snapshot=snapshot)
        return replace(self, snapshot=snapshot, frame=self.frame.toDF(*snapshot.schema.names))

    def shards(self, part: Part) -> int:
        """The number of shards wanted: one for each of the engine's slots, or the training's."""
        of_training = part == "train" or self.job.run.manifest["job"] == "instances"
        return (of_training and self.settings.training.shards) or self.job.engine.slots

    def source(
        self, part: Part, columns: Sequence[str], derived: Derived = NOTHING_DERIVED
    ) -> Source:
        """A part of the rows: in shards by a plan that is frozen in the run folder, or in Spark's.

        Parameters
        ----------
        columns : sequence of str
            The columns wanted, partition columns among them; derived ones need not be.
        derived : Derived
            Adds columns.
        """
        if self.how == "direct" and derived.spark is None:
            planned = self._planned(part, derived.stored(columns))
            return replace(planned, derivation=derived.by_batch)
        self._refuse_partitions(part)
        if derived.spark is None:
            scanned = self.scan(part, derived.stored(columns))
        else:
            scanned = self.scan_derived(part, columns, derived)
        return replace(scanned.in_at_most(self.shards(part)), derivation=derived.by_batch)

    def _planned(self, part: Part, columns: Sequence[str]) -> DirectSource:
        return DirectSource.of(
            self._written_plan(part),
            snapshot=self.snapshot,
            columns=columns,
            predicate=select(self.settings, part),
            batch_rows=self.settings.training.batch_rows,
        )

    def _written_plan(self, part: Part) -> Plan:
        """The plan of a part: the one this run began with, if there is one."""
        folder, name = self.job.run.folder.child("plans"), f"{part}.arrow"
        known = self.job.run.manifest["plans"].get(part)
        if known and folder.exists(name):
            return open_plan(folder, name, known)
        written = write_plan(folder, name, self._plan(part, select(self.settings, part)))
        self.job.run.update(plans={part: written.digest})
        return written

    def _plan(self, part: Part, selection: Selection) -> tuple[Shard, ...]:
        kept = self.settings.training.keep_summaries
        if kept and part == "train":
            form = self.settings.unicode
            return plan_by_partition(self.snapshot, columns=kept, predicate=selection, form=form)
        return plan(self.snapshot, shards=self.shards(part), predicate=selection)

    def _refuse_partitions(self, part: Part) -> None:
        if self.settings.training.keep_summaries and part == "train":
            raise ConfigurationError(
                "`training.keep_summaries` needs a shard for each partition, and Spark's own scan "
                f"deals the rows of {self.snapshot.uri} as it likes",
                expected="stream: direct",
                hint="`petafit train --verbose` says why the table is scanned.",
            )

    def partitions(self) -> list[str]:
        """The partitions that are the shards of the training rows, by `training.keep_summaries`."""
        written = self._written_plan("train")
        shards = map(written.read, range(written.shards))
        columns, form = self.settings.training.keep_summaries, self.settings.unicode
        return [partition_name(self.snapshot, columns, shard[0], form) for shard in shards]

    def expected(self, part: Part) -> int | None:
        """An upper bound of a part's rows; None where the table's log has none."""
        if self.snapshot.format == "spark":
            return None
        selection = select(self.settings, part)
        counts = [f.rows for f in self.snapshot.files if not selection.excludes(f.partition)]
        return None if None in counts else sum(count for count in counts if count is not None)

    def estimated(self, part: Part) -> int | None:
        """About how many rows a part has: where no log tells, as many a byte as the first file."""
        expected = self.expected(part)
        if expected is not None or not self.snapshot.files:
            return expected
        first, selection = self.snapshot.files[0], select(self.settings, part)
        with open_file(first.path, size=first.size) as file:
            density = file.footer.num_rows / first.size
        wanted = (f.size for f in self.snapshot.files if not selection.excludes(f.partition))
        return round(density * sum(wanted))

    def scan_derived(self, part: Part, columns: Sequence[str], derived: Derived) -> "ScanSource":
        """As `scan`, with derived columns that Spark computes."""
        source = self.scan(part, derived.stored(columns))
        if derived.functions is not None:
            source = source.derived(derived.functions)
        if derived.spark is not None and derived.stages is not None:
            source = derived.spark.added_to(source, derived.stages.of_spark)
        return source

    def scan(self, part: Part, columns: Sequence[str]) -> "ScanSource":
        """A part of the rows as Spark's own scan reads them.

        Raises
        ------
        ConfigurationError
            There is no Spark.
        StorageError, ContractError
            A Parquet file is damaged, or not as the rest of the table.
        """
        from petafit.spark.session import case_sensitive
        from petafit.stream.scan.stream import ScanSource

        promised = self.expected(part)
        if self.snapshot.format == "parquet":
            exact = case_sensitive(self.require_spark())
            promised = self._rows_of_footers(part, columns, case_sensitive=exact)
        selection = select(self.settings, part)
        by_partition = set(selection.columns) <= set(self.snapshot.partition_columns)
        return ScanSource.of(
            self.require_spark(),
            self.snapshot,
            columns,
            selection,
            frame=self.frame,
            promised=promised,
            is_exact=by_partition and not selection.share and not self.snapshot.has_deletions,
        )

    def _rows_of_footers(self, part: Part, columns: Sequence[str], *, case_sensitive: bool) -> int:
        """The number of rows by the footers of all files, once Spark reads these as petafit does.

        Raises
        ------
        StorageError, ContractError
            A file is damaged, or not as the rest of the table.
        """
        source, title = self._planned(part, columns), "check files"
        check = partial(check_footers, source, case_sensitive=case_sensitive)
        found = self.job.passes.map(title, check, source.shards)
        tally = Tally(*(sum(answer[name] for answer in found) for name in ("read", "promised")))
        tally.require_equal(title)
        return tally.read

    def require_spark(self) -> "SparkSession":
        """The session.

        Raises
        ------
        ConfigurationError
            There is none.
        """
        if self.job.spark is None:
            raise ConfigurationError(
                f"{self.settings.learner.name} works on Spark's own rows, and there is no Spark",
                hint="Set `engine: spark`.",
            )
        return self.job.spark


def open_rows(job: Job, table: Table) -> TaskRows:
    """Pin a table for a run; a resumed run gets what it began with.

    A DataFrame that the caller passed takes its place.

    Raises
    ------
    ConfigurationError
        There is no table, or it needs Spark and there is none.
    ConflictError
        The table keeps no versions, and its files, or a source's columns, are no longer those the
        run began with.
    """
    title = table.title if job.frame is None else "a DataFrame"
    began_with = next((i for i in job.run.manifest["inputs"] if i["table"] == title), None)
    if began_with and began_with.get("version") is not None:
        table = table.model_copy(update={"version": began_with["version"]})
    frame = None
    if job.frame is None and table.is_stored:
        snapshot = open_table(table)
    else:
        snapshot, frame = open_frame(job, table)
    pinned = _as_input(title, snapshot)
    if began_with and began_with != pinned:
        raise ConflictError(
            f"{title} changed since run {job.run.run_id!r} began",
            expected=began_with.get("files", began_with.get("schema")),
            got=pinned.get("files", pinned.get("schema")),
            hint="Start again under a new run id.",
        )
    job.run.update(inputs=[pinned])
    how, reason = choose(snapshot, job.settings.stream, job.engine.name)
    log.info("table %s stream=%s because %s", title, how, reason)
    return TaskRows(job, snapshot, how, frame)


def open_frame(job: Job, table: Table) -> "tuple[Snapshot, DataFrame]":
    """Open rows that Spark reads: those the caller passed, or a table or query.

    Raises
    ------
    ConfigurationError
        There are none, or there is no Spark.
    """
    if job.frame is None and not table.is_given:
        raise ConfigurationError(
            f"The task {job.settings.task!r} names no rows",
            hint="Set `table`, or pass a DataFrame: `petafit.train(settings, frame=df)`.",
        )
    if job.spark is None:
        title = table.title if job.frame is None else "a DataFrame"
        raise ConfigurationError(
            f"Only Spark reads {title}, and there is no Spark", hint="Set `engine: spark`."
        )
    from petafit.stream.scan.sources import as_table, open_source

    if job.frame is not None:
        return as_table(job.frame, "a DataFrame")
    return open_source(job.spark, table)


def _as_input(title: str, snapshot: Snapshot) -> dict[str, Any]:
    """The table as the manifest names it."""
    known = {"table": title, "format": snapshot.format, "version": snapshot.version}
    if snapshot.format == "spark":
        return {**known, "schema": digest(str(snapshot.schema).encode())}
    listed = "\n".join(f"{file.path} {file.size}" for file in snapshot.files)
    return {
        **known,
        "files": {
            "count": len(snapshot.files),
            "bytes": sum(file.size for file in snapshot.files),
            "digest": digest(listed.encode()),
        },
        "rows": snapshot.rows,
        **({"columns_left_out": list(snapshot.only_later)} if snapshot.only_later else {}),
    }
