"""petafit, its upper limit and its peers on one table: click logs and texts, one pass each."""

from collections.abc import Callable, Iterator

from petafit_benchmark.results import Result
from petafit_benchmark.suite import Bench, Suite
from petafit_benchmark.table import BenchmarkTable, clicks_table, texts_table

_CLICKS_TUNING_ROWS = 200_000
_TEXT_TUNING_ROWS = 40_000


def run_clicks(bench: Bench) -> Iterator[Result]:
    """Measure hashed linear models on a click log."""
    return _measure_all(bench, CLICKS, clicks_table, tuning_rows=_CLICKS_TUNING_ROWS)


def run_text(bench: Bench) -> Iterator[Result]:
    """Measure classifiers of short texts by character n-grams, with many classes."""
    return _measure_all(bench, TEXT, texts_table, tuning_rows=_TEXT_TUNING_ROWS)


def run_trees(bench: Bench) -> Iterator[Result]:
    """Measure boosted trees on a click log."""
    return _measure_all(bench, TREES, clicks_table, tuning_rows=_CLICKS_TUNING_ROWS)


def _measure_all(
    bench: Bench, suite: Suite, make_table: Callable[..., BenchmarkTable], *, tuning_rows: int
) -> Iterator[Result]:
    names = bench.wanted(suite.contenders)
    table = make_table(bench.data, bench.settings, rows=bench.rows)
    runner = bench.runner(suite.name, table, full_rows=suite.rows, tuning_rows=tuning_rows)
    for name in names:
        yield bench.measure(runner, name)


CLICKS = Suite(
    name="clicks",
    run=run_clicks,
    rows=10_000_000,
    quick_rows=1_000_000,
    contenders=(
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
        "mllib_converged",  # before mllib_10, which then has the penalty of the converged model
        "mllib_10",
        "lightgbm_trees",
    ),
    # Needed to compare with MLlib's converged loss: minutes, however small the table.
    slow=("mllib_converged", "petafit_converged", "petafit_prefixes"),
)
TEXT = Suite(
    name="text",
    run=run_text,
    rows=400_000,
    quick_rows=40_000,
    contenders=("petafit_text", "sklearn_text", "vw_oaa"),
)
TREES = Suite(
    name="trees",
    run=run_trees,
    rows=10_000_000,
    quick_rows=1_000_000,
    contenders=("petafit_trees", "xgboost_spark", "lightgbm_trees"),
)
