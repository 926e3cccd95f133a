import subprocess
import sys
from pkgutil import iter_modules

import pytest

from petafit_benchmark import contenders
from petafit_benchmark.contender import step_sizes
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.suites import clicks, merging, shards, text

NAMES = [module.name for module in iter_modules(contenders.__path__) if module.name != "__main__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_contender_says_what_the_harness_asks(name):
    contender = load_contender(name)
    assert contender.TITLE
    assert contender.LEARNER
    assert contender.CORES in (1, 2)
    assert all(isinstance(module, str) for module in contender.REQUIRES)
    assert contender.MOST_ROWS is None or contender.MOST_ROWS > 0
    assert contender.GRID is None or (contender.TUNES and len(contender.GRID) in (4, 5))
    assert callable(contender.train)


WITHOUT_PEERS = """
import sys
for peer in sys.argv[2].split():
    sys.modules[peer] = None
from petafit_benchmark.ipc import load_contender
for name in sys.argv[1].split():
    load_contender(name)
"""
PEERS = "tensorflow dask dask_ml distributed vowpalwabbit river lightgbm xxhash pyspark"


def test_constants_can_be_read_where_no_peer_is_installed():
    command = [sys.executable, "-c", WITHOUT_PEERS, " ".join(NAMES), PEERS]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_titles_are_unique():
    assert len({load_contender(name).TITLE for name in NAMES}) == len(NAMES)


def test_learners_that_share_a_choice_are_tuned_on_one_grid():
    shared = {}
    for name in NAMES:
        contender = load_contender(name)
        assert shared.setdefault(contender.LEARNER, contender.GRID) == contender.GRID


def test_suites_name_contenders_that_are_there():
    own = {merging.EXACT, merging.MEASURED, shards.MEASURED}
    assert {*clicks.CONTENDERS, *text.CONTENDERS} | own == {*NAMES}


def test_the_grid_is_half_decades_around_the_default():
    assert step_sizes(0.1) == (0.01, 0.032, 0.1, 0.32, 1.0)
