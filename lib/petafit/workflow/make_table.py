"""The table of a task, made by Spark of its source: query, stages, contract, one commit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from petafit.aggregate.sink import REASON, Quarantine, WriteFiles
from petafit.config.placeholders import holds_date
from petafit.config.settings import Settings
from petafit.config.tables import Preparation
from petafit.datasets.nycflights13 import unpack
from petafit.errors import ConfigurationError
from petafit.features.spark.pipeline import fit_stages, learns, make_stages, transformed
from petafit.functions.module import FunctionModule
from petafit.functions.spark import register
from petafit.spark.failures import in_one_sentence
from petafit.store.filesystem import Folder
from petafit.stream.scan.stream import ScanSource, scan
from petafit.table.columns import has_column, table_schema
from petafit.table.contract import compile_checks
from petafit.table.filters.literals import quoted
from petafit.table.filters.predicate import parse
from petafit.table.filters.split import select
from petafit.table.snapshot import Format
from petafit.table.writers.scope import WHOLE, Scope
from petafit.workflow.job import Job
from petafit.workflow.outputs import commit, new_output
from petafit.workflow.rows import open_frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REPLACED = "replaced_partition"
"""In the quarantine of a table that is made partition by partition: the one that was made."""


def check_preparation(settings: Settings, preparation: Preparation) -> None:
    """Refuse, before anything starts, what would lose rows or cannot be made.

    Raises
    ------
    ConfigurationError
        The source depends on the logical date, and every date would replace the whole table.
    """
    if holds_date(preparation.source) and not preparation.replace:
        raise ConfigurationError(
            "`prepare.source` holds {logical_date}: the rows of each date would replace the whole "
            "table",
            expected="the partition of that date in `prepare.replace`, as in day: '{logical_date}'",
        )
    if preparation.replace and learns(preparation.stages):
        raise ConfigurationError(
            "`prepare.stages` would be fitted to the rows of one partition only",
            got=", ".join(name for stage in preparation.stages for name in stage),
            hint="Leave out those that learn from rows where `prepare.replace` names a partition.",
        )


def make_table(job: Job, preparation: Preparation) -> None:
    """Make the task's table of its source; a bad row goes into the quarantine beside it.

    Raises
    ------
    ConfigurationError
        There is no Spark, or the source, a function or a stage cannot work.
    ContractError
        Too many rows break the contract; the table is as it was.
    """
    settings, uri = job.settings, job.settings.table.require_uri()
    with job.run.stage("source"):
        source = ScanSource.of_frame(_rows(job, preparation))
    schema = table_schema(source.schema)
    _require_columns(schema, (*preparation.partition_by, *preparation.sort_by))
    scope, stamp = _scope(preparation)
    table = new_output(
        job,
        uri,
        schema,
        format=_format(settings),
        partition_by=preparation.partition_by,
        scope=scope,
    )
    quarantine = new_output(
        job,
        f"{uri}_quarantine",
        pa.schema([*schema, *(pa.field(name, pa.string()) for name in (REASON, *stamp))]),
        format="delta",
        partition_by=tuple(stamp),
        scope=Scope(tuple(stamp), frozenset([tuple(stamp.values())])) if stamp else WHOLE,
    )
    sort = Quarantine(
        compile_checks(settings.contract, source.schema),
        good=WriteFiles(table.staging, table.partition_by),
        bad=WriteFiles(quarantine.staging, quarantine.partition_by),
        stamp=stamp,
    )
    with job.run.stage("prepare"):
        made = job.passes.run("prepare", sort, source).result
    job.run.update(rows={**made.counts, "out": 0})
    with job.run.stage("commit"):
        commit(job, quarantine, made.bad)
        made.refuse_above(settings.contract.max_bad_share, quarantine.uri)
        commit(job, table, made.good)
    job.run.update(rows={"out": made.counts["used"]})


def _rows(job: Job, preparation: Preparation) -> "DataFrame":
    """Return the rows of the table, in its order, before the contract."""
    if job.spark is None:
        raise ConfigurationError("Only Spark prepares tables", hint="Set `engine: spark`.")
    settings, session = job.settings, job.spark
    if preparation.unpack is not None:
        unpack(Folder(settings.paths.data).child("raw", preparation.unpack))
    if settings.functions is not None:
        register(session, FunctionModule.read(settings.functions))
    snapshot, frame = open_frame(job, preparation.source)
    wanted = parse(preparation.source.filter)
    made = scan(session, snapshot, snapshot.schema.names, wanted, frame=frame)
    stages = make_stages(preparation.stages, settings.spark.stages)
    if stages:
        made = transformed(fit_stages(stages, _training_rows(settings, made)), made)
    return _ordered(made, preparation.partition_by, preparation.sort_by)


def _training_rows(settings: Settings, frame: "DataFrame") -> "DataFrame":
    """Return the rows to which stages are fitted: neither those of validation, nor of weight 0."""
    training = select(settings, "train")
    if training.share is not None:
        raise ConfigurationError(
            "`prepare.stages` cannot be fitted to the training rows of a `split.test_share`",
            expected="conditions in `split.train` and `split.test`",
            hint="Split by conditions, or bin and fill by `features`.",
        )
    with in_one_sentence(
        "Spark cannot select the training rows for `prepare.stages`",
        hint="`split.train` must name columns that the source has.",
    ):
        frame = frame.where(training.sql())
        for left_out in training.without:
            frame = frame.where(f"NOT coalesce({left_out.sql()}, false)")
        return frame


def _ordered(
    frame: "DataFrame", partition_by: Sequence[str], sort_by: Sequence[str]
) -> "DataFrame":
    """Divide the rows among tasks: in a fixed order if one is wanted, else in even parts."""
    from petafit.spark.compatibility import rebalanced

    partitions, keys = (list(map(quoted, names)) for names in (partition_by, sort_by))
    with in_one_sentence("The rows cannot be divided by `partition_by` and `sort_by`"):
        if not keys:
            return rebalanced(frame, partitions) if partitions else frame
        if not partitions:
            return frame.orderBy(*keys)
        return frame.repartition(*partitions).sortWithinPartitions(*partitions, *keys)


def _scope(preparation: Preparation) -> tuple[Scope, dict[str, str]]:
    """Return the partitions to replace, and the columns that mark them in the quarantine."""
    if not preparation.replace:
        return WHOLE, {}
    names, values = zip(*preparation.replace.items(), strict=True)
    named = "/".join(f"{name}={value}" for name, value in preparation.replace.items())
    return Scope(names, frozenset([values])), {REPLACED: named}


def _format(settings: Settings) -> Format:
    return "parquet" if settings.table.format == "parquet" else "delta"


def _require_columns(schema: pa.Schema, names: Sequence[str]) -> None:
    missing = [name for name in names if not has_column(schema, name)]
    if missing:
        raise ConfigurationError(
            f"The prepared rows have no column {missing[0]!r}",
            expected=f"one of {', '.join(schema.names)}",
            hint="Correct `prepare.partition_by` or `prepare.sort_by`, or add it to the query.",
        )
