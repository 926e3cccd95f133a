"""The case of the suite `merging` that is no training: what exact learners lose by merging."""

from petafit_benchmark.contender import Spec
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.results import Result, command_of
from petafit_benchmark.suite import Bench

EXACT = "petafit_exact"

FIGURE = "largest_relative_difference"

_ROWS = 1797
_SECONDS = 300.0


def measure_exact(bench: Bench, suite: str, table: str) -> Result:
    """Let the contender compare models on scikit-learn's digits.

    It needs no table of the suite; the result bears its name to be kept beside the others.
    """
    contender = load_contender(EXACT)
    bench.watcher.begins(contender.TITLE)
    result = Result(
        contender=EXACT,
        title=contender.TITLE,
        suite=suite,
        table=table,
        cores=contender.CORES,
        command=command_of(suite, bench.rows, EXACT),
    )
    spec = Spec(train="", test="", rows=_ROWS, label="", work="")
    return bench.train_once(EXACT, spec, result, seconds=_SECONDS)
