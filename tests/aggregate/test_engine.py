import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from petafit.aggregate import merging
from petafit.aggregate.aggregator import Combined
from petafit.aggregate.engine import Engine, Passes
from petafit.aggregate.heartbeat import HeartbeatReader, ShardProgress
from petafit.aggregate.local import LocalEngine
from petafit.aggregate.pass_files import ShardReport
from petafit.aggregate.shard_task import ShardTask
from petafit.aggregate.tree import GroupReport, groups
from petafit.errors import ContractError, EmptyInputError, StorageError
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from tests.aggregate import toys
from tests.aggregate.toys import Lists, Total, as_many_rows, lists


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
    start = StateDict({"total": np.array([10.0])})
    outcome = passes(engine, tmp_path).run("add", Total(), lists([[[1.0]]]), start=start)
    assert outcome.result == 11.0


def test_aggregators_share_a_pass(engine: Engine, tmp_path: Path) -> None:
    both = Combined({"one": Total(), "two": Total()})
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

    def keep(summaries: Iterable[StateDict], merged: StateDict) -> None:
        kept.extend(float(each.arrays["total"][0]) for each in (*summaries, merged))

    source = lists([[[float(number)]] for number in range(shards)])
    passes(engine, tmp_path).run("add", Total(), source, keep=keep)
    assert kept == [*range(shards), sum(range(shards))]


def test_an_action_runs_for_each_shard_and_leaves_nothing_behind(
    engine: Engine, tmp_path: Path
) -> None:
    seen: list[ShardProgress] = []

    @contextmanager
    def watch(title: str, reader: HeartbeatReader, **_: object) -> Iterator[None]:
        yield
        seen.append(reader.read())

    watched = Passes(engine, Folder(tmp_path), "inputs", watch)
    assert watched.map("look", as_many_rows, 4) == [{"rows": number} for number in range(4)]
    assert seen == [ShardProgress(rows=6, shards_done=4, loss=None)]
    assert Folder(tmp_path).child("passes").names() == []


def test_actions_that_see_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="No rows to look"):
        passes(LocalEngine(), tmp_path).map("look", as_many_rows, 1)
    assert Folder(tmp_path).child("passes").names() == []


def test_no_rows_are_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EmptyInputError, match="No rows to add"):
        passes(engine, tmp_path).run("add", Total(), lists([[], []]))


@pytest.mark.parametrize("frozen", [True, False])
def test_a_pass_without_rows_leaves_nothing_behind(tmp_path: Path, frozen: bool) -> None:
    start = StateDict({"total": np.array([10.0])})
    with pytest.raises(EmptyInputError):
        passes(LocalEngine(), tmp_path).run("add", Total(), lists([[]], frozen=frozen), start=start)
    assert Folder(tmp_path).child("passes").names() == []


@pytest.mark.parametrize("frozen", [True, False])
def test_a_failed_pass_leaves_only_what_the_next_attempt_can_use(
    tmp_path: Path, frozen: bool
) -> None:
    source = lists([[[1.0]]], broken=True, frozen=frozen)
    start = StateDict({"total": np.array([10.0])})
    with pytest.raises(ContractError):
        passes(LocalEngine(), tmp_path).run("add", Total(), source, start=start)
    assert bool(Folder(tmp_path).child("passes").files()) == frozen


def test_a_failed_removal_does_not_hide_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class OutOfReach(LocalEngine):
        def aggregate(self, task: ShardTask, source: Any) -> list[ShardReport]:
            reports = super().aggregate(task, source)
            monkeypatch.setattr(Folder, "remove", unreachable)
            return reports

    with pytest.raises(EmptyInputError):
        passes(OutOfReach(), tmp_path).run("add", Total(), lists([[]]))
    assert "The storage is out of reach" in caplog.text


def unreachable(*_: object) -> None:
    raise StorageError("The storage is out of reach")


def test_a_worker_error_keeps_its_class(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="expected numbers; got letters"):
        passes(engine, tmp_path).run("add", Total(), lists([[[1.0]]], broken=True))


@pytest.mark.parametrize("shards", [17, 40])
def test_only_merged_groups_are_left_when_all_shards_are_done(
    engine: Engine, tmp_path: Path, shards: int
) -> None:
    folder = Folder(tmp_path)
    task = ShardTask(Total(), folder, shards=shards)
    engine.aggregate(task, lists([[[1.0]]] * shards))
    kinds = {name.split("-")[0] for name in folder.names()}
    assert kinds == {"report", "merged"}
    arrays = [name for name in folder.names() if name.endswith(".npz")]
    assert len(arrays) == len(groups(shards)) <= shards**0.5 + 1


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_pass_resumes_from_merged_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    source = lists([[[float(number)]] for number in range(20)])
    adding = passes(LocalEngine(), tmp_path)
    load = merging.load_group
    loaded: list[int] = []

    def killed(task: ShardTask, number: int, report: GroupReport) -> StateDict:
        loaded.append(number)
        if len(loaded) > kept:
            raise KeyboardInterrupt
        return load(task, number, report)

    monkeypatch.setattr(merging, "load_group", killed)
    with pytest.raises(KeyboardInterrupt):
        adding.run("add", Total(), source)
    monkeypatch.setattr(merging, "load_group", load)
    monkeypatch.setattr(Lists, "read", lambda *_, **__: pytest.fail("a shard was read again"))
    assert adding.run("add", Total(), source).result == sum(range(20))


def test_groups_that_nobody_merged_are_merged_at_the_end(engine: Engine, tmp_path: Path) -> None:
    """Of a source whose number of shards is not known before."""
    unknown = lists([[[float(number)]] for number in range(20)], frozen=False)
    outcome = passes(engine, tmp_path).run("add", Total(), unknown)
    assert outcome.result == sum(range(20))


def test_a_lost_shard_is_noticed(tmp_path: Path) -> None:
    class Loses(LocalEngine):
        def aggregate(self, task: ShardTask, source: Any) -> list[ShardReport]:
            reports = super().aggregate(replace(task, shards=0), source)
            task.folder.remove("report-000007.json")
            return reports

    with pytest.raises(StorageError, match="expected 20 shards; got 19 shards"):
        passes(Loses(), tmp_path).run("add", Total(), lists([[[1.0]]] * 20))


@pytest.mark.parametrize("shards", [17, 400])
def test_the_driver_holds_no_summary_but_the_one_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    loaded: list[weakref.ref[np.ndarray]] = []
    load = merging.load_group

    def watched(task: ShardTask, number: int, report: GroupReport) -> StateDict:
        assert [each for each in loaded[1:] if each()] == []  # the first one grows in its place
        summary = load(task, number, report)
        loaded.append(weakref.ref(summary.arrays["total"]))
        return summary

    monkeypatch.setattr(merging, "load_group", watched)
    adding = passes(LocalEngine(), tmp_path)
    assert adding.run("add", Total(), lists([[[1.0]]] * shards)).result == shards
    assert len(loaded) == len(groups(shards)) <= shards**0.5 + 1
