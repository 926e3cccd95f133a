from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petafit.aggregate.engine import Engine, Passes
from petafit.aggregate.law import Together
from petafit.aggregate.local import LocalEngine
from petafit.errors import ContractError, EmptyInputError
from petafit.store.arrays import Named
from petafit.store.filesystem import Folder
from tests.aggregate import toys
from tests.aggregate.toys import Total, lists


@pytest.fixture(params=["local", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "local":
        return LocalEngine()
    from pyspark.cloudpickle import register_pickle_by_value

    from petafit.aggregate.spark import SparkEngine

    register_pickle_by_value(toys)  # the workers cannot import the tests
    return SparkEngine(request.getfixturevalue("spark"))


def passes(engine: Any, folder: Path) -> Passes:
    return Passes(engine, Folder(folder), "inputs")


@pytest.mark.parametrize("shards", [1, 3, 40])
def test_every_shard_counts_once(engine: Engine, tmp_path: Path, shards: int) -> None:
    source = lists([[[float(number)], [0.5]] for number in range(shards)])
    adding = passes(engine, tmp_path)
    outcome = adding.run("add", Total(), source)
    assert outcome.result == sum(range(shards)) + shards / 2
    assert (outcome.rows, outcome.shards) == (2 * shards, shards)
    assert adding.peak_memory > 0


def test_empty_shards_change_nothing(engine: Engine, tmp_path: Path) -> None:
    outcome = passes(engine, tmp_path).run("add", Total(), lists([[], [[1.0]], []]))
    assert outcome.result == 1.0


def test_a_start_reaches_the_result(engine: Engine, tmp_path: Path) -> None:
    start = Named({"total": np.array([10.0])})
    outcome = passes(engine, tmp_path).run("add", Total(), lists([[[1.0]]]), start=start)
    assert outcome.result == 11.0


def test_aggregators_share_a_pass(engine: Engine, tmp_path: Path) -> None:
    both = Together({"one": Total(), "two": Total()})
    outcome = passes(engine, tmp_path).run("add", both, lists([[[1.0]], [[2.0]]]))
    assert outcome.result == {"one": 3.0, "two": 3.0}


def test_a_pass_leaves_nothing_behind(engine: Engine, tmp_path: Path) -> None:
    passes(engine, tmp_path).run("add", Total(), lists([[[1.0]]]))
    assert Folder(tmp_path).child("passes").names() == []


@pytest.mark.parametrize("shards", [3, 20])
def test_summaries_can_be_kept_before_they_are_removed(
    engine: Engine, tmp_path: Path, shards: int
) -> None:
    kept = []

    def keep(summaries: Iterable[Named], merged: Named) -> None:
        kept.extend(float(each.arrays["total"][0]) for each in (*summaries, merged))

    source = lists([[[float(number)]] for number in range(shards)])
    passes(engine, tmp_path).run("add", Total(), source, keep=keep)
    assert kept == [*range(shards), sum(range(shards))]


def test_no_rows_are_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="No rows to add"):
        passes(engine, tmp_path).run("add", Total(), lists([[], []]))


def test_an_error_in_a_worker_arrives_as_itself(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="expected numbers; got letters"):
        passes(engine, tmp_path).run("add", Total(), lists([[[1.0]]], broken=True))
