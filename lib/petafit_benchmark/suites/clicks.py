"""One pass over a click log with a hashed linear model: petafit, its limit, and its peers."""

from collections.abc import Iterator

from petafit_benchmark.generated import clicks_table
from petafit_benchmark.results import Result
from petafit_benchmark.suite import Bench

NAME = "clicks"
ROWS = 10_000_000
QUICK_ROWS = 1_000_000
TUNING_ROWS = 200_000
CONTENDERS = (
    "decode_only",
    "petafit_one_core",
    "petafit_spark",
    "petafit_cached",
    "petafit_memory",
    "petafit_prefixes",
    "petafit_converged",
    "sklearn_streaming",
    "sklearn_on_petafit",
    "dask_incremental",
    "tensorflow_linear",
    "vw_text",
    "vw_cache",
    "river_online",
    "mllib_converged",  # before the other, which then has the penalty that is best in the end
    "mllib_10",
    "lightgbm_trees",
)

SLOW = ("mllib_converged", "petafit_converged", "petafit_prefixes")
"""What is needed to race MLlib to its converged loss: minutes, however small the table."""


def run(bench: Bench) -> Iterator[Result]:
    """Measure one contender after the other on the same table."""
    names = bench.wanted(CONTENDERS)
    table = clicks_table(bench.data, bench.settings, rows=bench.rows)
    runner = bench.runner(NAME, table, full_rows=ROWS, tuning_rows=TUNING_ROWS)
    for name in names:
        yield bench.measure(runner, name)
