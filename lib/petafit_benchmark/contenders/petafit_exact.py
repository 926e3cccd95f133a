"""Exact learners merged from shards, beside the same fitted to all rows: of a table of its own."""

import math
import time

from petafit.errors import PetafitError
from petafit_benchmark.contender import ContenderRun, Spec, versions
from petafit_benchmark.exact_case import FIGURE

TITLE = "petafit, exact learners"
LEARNER = "petafit's exact learners"
CORES = 1
REQUIRES = ("sklearn",)
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    """Fit every one of them to scikit-learn's digits, whatever the spec's table.

    Raises
    ------
    PetafitError
        Models that should be equal are not even of one form.
    """
    from petafit_benchmark.exact_merging import relative_differences

    began = time.monotonic()
    found = relative_differences()
    unlike = [name for name, value in found.items() if not math.isfinite(value)]
    if unlike:
        raise PetafitError(
            f"Merged models of {', '.join(unlike)} cannot be compared with the union's",
            expected="finite arrays of the same names and shapes",
        )
    return ContenderRun(
        rows=spec.rows,
        seconds=time.monotonic() - began,
        predictions=None,
        versions=versions("scikit-learn", "numpy", "scipy"),
        figures={
            FIGURE: max(found.values()),
            **{f"relative_difference_{name}": value for name, value in found.items()},
        },
    )
