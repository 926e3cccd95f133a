import subprocess
import sys

import pytest

from petafit.errors import ConfigurationError
from petafit_benchmark.contender import step_sizes
from petafit_benchmark.contenders.registry import CONTENDERS, load_contender
from petafit_benchmark.merging.cases import EXACT
from petafit_benchmark.suites import merging, scaling
from petafit_benchmark.suites.peers import CLICKS, TEXT, TREES


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender_is_complete(name):
    contender = load_contender(name)
    assert contender.title
    assert contender.learner
    assert contender.cores in (1, 2)
    assert all(isinstance(module, str) for module in contender.requires)
    assert contender.most_rows is None or contender.most_rows > 0
    assert contender.grid is None or (contender.tunes and len(contender.grid) in (4, 5))
    assert callable(contender.train)


def test_an_unknown_contender_is_refused():
    with pytest.raises(ConfigurationError, match="Did you mean 'decode_only'"):
        load_contender("decode_olny")


WITHOUT_PEERS = """
import sys
for peer in sys.argv[2].split():
    sys.modules[peer] = None
from petafit_benchmark.contenders.registry import load_contender
for name in sys.argv[1].split():
    load_contender(name)
"""
PEERS = "tensorflow dask dask_ml distributed vowpalwabbit river lightgbm xgboost xxhash pyspark"


def test_contenders_load_where_no_peer_is_installed():
    command = [sys.executable, "-c", WITHOUT_PEERS, " ".join(CONTENDERS), PEERS]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_titles_are_unique():
    assert len({load_contender(name).title for name in CONTENDERS}) == len(CONTENDERS)


def test_contenders_of_one_learner_have_one_grid():
    shared = {}
    for name in CONTENDERS:
        contender = load_contender(name)
        assert shared.setdefault(contender.learner, contender.grid) == contender.grid


def test_every_contender_is_measured_by_a_suite():
    others = {EXACT, merging.MEASURED, merging.TIMED, scaling.SCALED, scaling.SHARDED}
    assert {*CLICKS.contenders, *TEXT.contenders, *TREES.contenders} | others == {*CONTENDERS}


def test_the_grid_is_half_decades_around_the_default():
    assert step_sizes(0.1) == (0.01, 0.032, 0.1, 0.32, 1.0)
