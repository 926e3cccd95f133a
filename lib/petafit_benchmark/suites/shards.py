"""Ever more small shards of one large model: what each costs, and what driver and folder hold."""

from collections.abc import Iterator
from dataclasses import replace

from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec
from petafit_benchmark.generated import DAYS, clicks_table
from petafit_benchmark.results import Result, command_of
from petafit_benchmark.suite import Bench
from petafit_benchmark.table import BenchmarkTable

NAME = "shards"
ROWS = 2_000_000
QUICK_ROWS = 200_000

_COUNTS = {f"shards_{count}": count for count in (10, 100, 1_000, 10_000)}
CONTENDERS = tuple(_COUNTS)
SLOW: tuple[str, ...] = ()

MEASURED = "petafit_many_shards"
SHARD_ROWS = 180
"""For 10,000 shards as many as all `ROWS` that are not held out."""

BATCH_ROWS = 90
"""Two batches a shard: rows are put aside in the second."""

SECONDS = 3600.0


def run(bench: Bench) -> Iterator[Result]:
    """Train on the first 10, 100, ... files of the table, each a shard."""
    counts = counts_within(bench.rows)
    for name in bench.chosen:
        if name not in counts:
            raise ConfigurationError(
                f"The suite has no {name!r} on {bench.rows:,} rows",
                hint=did_you_mean(name, list(counts)),
            )
    if not counts:
        fewest = min(_COUNTS.values()) * SHARD_ROWS * DAYS // (DAYS - 1)
        raise ConfigurationError(
            f"{bench.rows:,} rows are too few for shards of {SHARD_ROWS} rows",
            hint=f"Give `--rows {fewest}` or more.",
        )
    table = clicks_table(bench.data, bench.settings, rows=bench.rows)
    bench.tables[NAME] = {k: v for k, v in table.facts.items() if k != "files"}
    for name in bench.chosen or counts:
        bench.watcher.begins(f"{counts[name]:,} shards")
        yield _measured(bench, table, name, counts[name])


def counts_within(rows: int) -> dict[str, int]:
    """The contenders, each a number of shards, that a table of so many rows is enough for."""
    learnt = rows * (DAYS - 1) // DAYS
    return {name: count for name, count in _COUNTS.items() if count * SHARD_ROWS <= learnt}


def _measured(bench: Bench, table: BenchmarkTable, name: str, count: int) -> Result:
    result = Result(
        contender=name,
        title=f"petafit, Spark local[2], 2^22 features, {count:,} shards of {SHARD_ROWS} rows",
        suite=NAME,
        table=table.facts["name"],
        cores=2,
        command=command_of(NAME, bench.rows, name),
    )
    return bench.train_once(MEASURED, spec_of(table, count), result, seconds=SECONDS)


def spec_of(table: BenchmarkTable, count: int) -> Spec:
    """The first rows of the table, a file for each shard."""
    taken = count * SHARD_ROWS
    folder = table.folder / f"{count}-files-of-{SHARD_ROWS}"
    rows.write_rows(table.spec.files, folder, skip=0, rows=taken, file_rows=SHARD_ROWS)
    training = {"shards": count, "batch_rows": BATCH_ROWS}
    return replace(table.spec, train=str(folder), rows=taken, training=training)
