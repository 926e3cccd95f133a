"""Many classes from short texts, by character n-grams: petafit and its peers."""

from collections.abc import Iterator

from petafit_benchmark.generated import texts_table
from petafit_benchmark.results import Result
from petafit_benchmark.suite import Bench

NAME = "text"
ROWS = 400_000
QUICK_ROWS = 40_000
TUNING_ROWS = 40_000
CONTENDERS = ("petafit_text", "sklearn_text", "vw_oaa")
SLOW: tuple[str, ...] = ()


def run(bench: Bench) -> Iterator[Result]:
    """Measure one contender after the other on the same table."""
    names = bench.wanted(CONTENDERS)
    table = texts_table(bench.data, bench.settings, rows=bench.rows)
    runner = bench.runner(NAME, table, full_rows=ROWS, tuning_rows=TUNING_ROWS)
    for name in names:
        yield bench.measure(runner, name)
