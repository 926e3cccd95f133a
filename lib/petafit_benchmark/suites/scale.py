"""petafit on ever larger tables: whether a row stays as cheap, and a worker as small."""

from collections.abc import Iterator
from dataclasses import replace

from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.generated import clicks_table
from petafit_benchmark.results import Result, command_of, middle
from petafit_benchmark.suite import Bench

NAME = "scale"
ROWS = 100_000_000
QUICK_ROWS = 1_000_000
CONTENDERS = ("scale_1m", "scale_10m", "scale_100m")
SLOW: tuple[str, ...] = ()

TUNING_ROWS = 200_000
MEASURED = "petafit_memory"
REPEATS = 3


def run(bench: Bench) -> Iterator[Result]:
    """Measure a hundredth of the rows, a tenth, and all of them: the median of three each."""
    sizes = {f"scale_{_short(n)}": n for n in (bench.rows // 100, bench.rows // 10, bench.rows)}
    for name in bench.chosen or sizes:
        if name not in sizes:
            raise ConfigurationError(f"The suite has no {name!r}", hint=did_you_mean(name, sizes))
        rows = sizes[name]
        table = clicks_table(bench.data, bench.settings, rows=rows)
        runner = bench.runner(NAME, table, full_rows=rows, tuning_rows=TUNING_ROWS)
        result = middle([bench.measure(runner, MEASURED) for _ in range(REPEATS)])
        yield replace(
            result,
            contender=name,
            title=f"{result.title}, {_short(rows)} rows",
            table=NAME,
            command=command_of(NAME, bench.rows, name),
        )


def _short(rows: int) -> str:
    """A number of rows as people say it.

    Examples
    --------
    >>> _short(10_000_000), _short(10_000), _short(15)
    ('10m', '10k', '15')
    """
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if rows >= unit and rows % unit == 0:
            return f"{rows // unit}{letter}"
    return str(rows)
