"""Exact learners on scikit-learn's digits: models merged from 20 shards."""

from pathlib import Path

import numpy as np
import pytest

from petafit.store.arrays import StateDict
from petafit_benchmark.contenders.petafit_exact import difference
from petafit_benchmark.merging.cases import EXACT
from petafit_benchmark.suites.merging import run_merging
from tests.benchmark.examples import target_of
from tests.benchmark.suites.test_merging import bench_in
from tests.learners.cases import CASES

EXACT_LEARNERS = {case.name for case in CASES if case.learner.exact}


def named(**arrays: object) -> StateDict:
    return StateDict({name: np.asarray(values) for name, values in arrays.items()})


@pytest.mark.parametrize(
    ("found", "expected", "value"),
    [
        (named(a=[1.0, 4.0]), named(a=[1.0, 4.0]), 0),
        (named(a=[1.0, 4.1], b=0.0), named(a=[1.0, 4.0], b=0.0), 0.025),
        (named(a=[0.0]), named(a=[1e-300]), 1),
        (named(a=[1e-9]), named(a=[0.0]), np.inf),
        (named(a=[1.0]), named(b=[1.0]), np.inf),
        (named(a=[1.0]), named(a=[1.0, 1.0]), np.inf),
        (named(a=[np.nan]), named(a=[1.0]), np.inf),
    ],
)
def test_a_difference_is_a_share_of_the_largest(
    found: StateDict, expected: StateDict, value: float
) -> None:
    assert difference(found, expected) == pytest.approx(value)


def test_every_exact_learner_reaches_the_target(tmp_path: Path) -> None:
    (result,) = run_merging(bench_in(tmp_path, EXACT))
    assert result.ok, result.error
    start = "relative_difference_"
    measured = {n.removeprefix(start): v for n, v in result.figures.items() if n.startswith(start)}
    assert measured.keys() == EXACT_LEARNERS
    assert result.figures["largest_relative_difference"] == max(measured.values()) > 0
    assert measured["sklearn.MinMaxScaler"] == measured["sklearn.MaxAbsScaler"] == 0
    assert target_of("exact learners", result).met
