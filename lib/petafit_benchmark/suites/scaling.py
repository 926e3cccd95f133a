"""petafit on ever larger tables, and over ever more small shards."""

from collections.abc import Iterator
from dataclasses import replace

from petafit.errors import ConfigurationError
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec
from petafit_benchmark.results import Result, command_of, middle
from petafit_benchmark.suite import Bench, Suite
from petafit_benchmark.table import DAYS, BenchmarkTable, clicks_table

SCALED = "petafit_memory"
"""The contender that is measured at every size."""

SHARDED = "petafit_many_shards"
"""The contender that is measured with every number of shards."""

SHARD_ROWS = 180
"""10,000 shards have all training rows of the default table."""

BATCH_ROWS = 90
"""Two batches a shard: the merge holdout is taken from the second."""

_REPEATS = 3
_TUNING_ROWS = 200_000
_SECONDS = 3600.0
_COUNTS = {f"shards_{count}": count for count in (10, 100, 1_000, 10_000)}


def run_scale(bench: Bench) -> Iterator[Result]:
    """Measure 1% of the rows, 10%, and all of them: the median of three runs each."""
    sizes = {f"scale_{short(n)}": n for n in (bench.rows // 100, bench.rows // 10, bench.rows)}
    bench.check_chosen(sizes)
    for name in bench.chosen or sizes:
        table = clicks_table(bench.data, bench.settings, rows=sizes[name])
        runner = bench.runner(SCALE.name, table, full_rows=sizes[name], tuning_rows=_TUNING_ROWS)
        result = middle([bench.measure(runner, SCALED) for _ in range(_REPEATS)])
        yield replace(
            result,
            contender=name,
            title=f"{result.title}, {short(sizes[name])} rows",
            table=SCALE.name,
            command=command_of(SCALE.name, bench.rows, name),
        )


def run_shards(bench: Bench) -> Iterator[Result]:
    """Train on the first 10, 100, ... files of the table, a shard each."""
    counts = counts_within(bench.rows)
    bench.check_chosen(counts)
    if not counts:
        fewest = min(_COUNTS.values()) * SHARD_ROWS * DAYS // (DAYS - 1)
        raise ConfigurationError(
            f"{bench.rows:,} rows are too few for shards of {SHARD_ROWS} rows",
            hint=f"Give `--rows {fewest}` or more.",
        )
    table = clicks_table(bench.data, bench.settings, rows=bench.rows)
    bench.add_table(SHARDS.name, table)
    for name in bench.chosen or counts:
        bench.watcher.begins(f"{counts[name]:,} shards")
        yield _measure_shards(bench, table, name, counts[name])


def counts_within(rows: int) -> dict[str, int]:
    """Numbers of shards that a table of so many rows is enough for, by contender."""
    training_rows = rows * (DAYS - 1) // DAYS
    return {name: count for name, count in _COUNTS.items() if count * SHARD_ROWS <= training_rows}


def _measure_shards(bench: Bench, table: BenchmarkTable, name: str, count: int) -> Result:
    result = Result(
        contender=name,
        title=f"petafit, Spark local[2], 2^22 features, {count:,} shards of {SHARD_ROWS} rows",
        suite=SHARDS.name,
        table=table.properties["name"],
        cores=2,
        command=command_of(SHARDS.name, bench.rows, name),
    )
    return bench.train_once(SHARDED, spec_of(table, count), result, seconds=_SECONDS)


def spec_of(table: BenchmarkTable, count: int) -> Spec:
    """The first rows of the table, in one file a shard."""
    taken = count * SHARD_ROWS
    folder = table.folder / f"{count}-files-of-{SHARD_ROWS}"
    rows.write_rows(table.spec.files, folder, skip=0, rows=taken, file_rows=SHARD_ROWS)
    training = {"shards": count, "batch_rows": BATCH_ROWS}
    return replace(table.spec, train=str(folder), rows=taken, training=training)


def short(rows: int) -> str:
    """A number of rows in a contender's name.

    Examples
    --------
    >>> short(10_000_000), short(10_000), short(15)
    ('10m', '10k', '15')
    """
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows >= unit and rows % unit == 0:
            return f"{rows // unit}{letter}"
    return str(rows)


SCALE = Suite(
    name="scale",
    run=run_scale,
    rows=100_000_000,
    quick_rows=1_000_000,
    contenders=("scale_1m", "scale_10m", "scale_100m"),
)
SHARDS = Suite(
    name="shards",
    run=run_shards,
    rows=2_000_000,
    quick_rows=200_000,
    contenders=tuple(_COUNTS),
)
