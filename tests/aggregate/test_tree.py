from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.aggregate.tree import (
    find_group,
    groups,
    load_group,
    merge,
    merge_group,
    merge_if_last,
)
from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from tests.aggregate.toys import Total, lists

SHARDS = 20
SOURCE = lists([[[float(number)]] for number in range(SHARDS)])


@pytest.fixture
def task(tmp_path: Path) -> ShardTask:
    """ShardTask on 20 shards, which make four groups of five."""
    return ShardTask(Total(), Folder(tmp_path), shards=SHARDS)


def aggregate(task: ShardTask, shard: int) -> None:
    aggregate_shard(task, shard, SOURCE)


def summaries(task: ShardTask) -> list[str]:
    return [name for name in task.folder.names() if name.startswith("summary-")]


@given(st.integers(0, 5000))
def test_groups_cut_the_shards_into_about_their_root(count: int) -> None:
    cut = groups(count)
    assert [shard for group in cut for shard in group] == list(range(count))
    if count > 16:
        assert max(map(len, cut)) <= count**0.5 + 1
        assert len(cut) <= count**0.5 + 1
    else:
        assert len(cut) == (count > 0)


def test_no_summaries_give_the_result_of_an_empty_shard() -> None:
    total = Total()
    assert merge(total, []) == total.lift(total.start())


def test_merging_goes_from_left_to_right() -> None:
    class Order(Total):
        def merge(self, left: StateDict, right: StateDict) -> StateDict:
            return StateDict(params={"order": [*left.params["order"], *right.params["order"]]})

    said = [StateDict(params={"order": [number]}) for number in range(5)]
    assert merge(Order(), said).params["order"] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("order", [(5, 6, 7, 8, 9), (9, 7, 5, 8, 6)])
def test_the_last_shard_of_a_group_merges_it_and_removes_the_summaries(
    task: ShardTask, order: tuple[int, ...]
) -> None:
    for shard in order:
        assert find_group(task, 1) is None
        aggregate(task, shard)
        merge_if_last(task, shard)
    report = find_group(task, 1)
    assert report is not None
    assert report.shards == 5
    assert load_group(task, 1, report).arrays["total"] == 5 + 6 + 7 + 8 + 9
    assert summaries(task) == []


def test_a_merged_group_is_not_merged_again(task: ShardTask) -> None:
    for shard in range(5):
        aggregate(task, shard)
    first = merge_group(task, 0)
    aggregate(task, 3)  # as a resumed run does: it finds the report
    merge_if_last(task, 3)
    assert find_group(task, 0) == first


def test_files_that_a_straggler_wrote_again_are_removed(task: ShardTask) -> None:
    for shard in range(5):
        aggregate(task, shard)
    content = task.folder.read("summary-000002.npz")
    merge_group(task, 0)
    task.folder.write("summary-000002.npz", content)
    merge_if_last(task, 2)
    assert summaries(task) == []


def test_one_of_two_attempts_may_lose_its_summaries_to_the_other(
    task: ShardTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shard in range(5):
        aggregate(task, shard)
    other = ShardTask(Total(), task.folder, shards=SHARDS)
    read = Folder.read

    def overtaken(folder: Folder, name: str) -> bytes:
        if name == "summary-000002.npz":
            monkeypatch.setattr(Folder, "read", read)
            merge_group(other, 0)
        return read(folder, name)

    monkeypatch.setattr(Folder, "read", overtaken)
    report = merge_group(task, 0)
    assert load_group(task, 0, report).arrays["total"] == 10.0


def test_a_missing_summary_is_not_passed_over(task: ShardTask) -> None:
    for shard in range(5):
        aggregate(task, shard)
    task.folder.remove("summary-000002.npz")
    with pytest.raises(StorageError, match="summary-000002"):
        merge_group(task, 0)


def test_a_single_group_is_left_to_the_driver(tmp_path: Path) -> None:
    task = ShardTask(Total(), Folder(tmp_path), shards=2)
    for shard in range(2):
        aggregate(task, shard)
        merge_if_last(task, shard)
    assert find_group(task, 0) is None
    assert len(summaries(task)) == 2


@pytest.mark.parametrize("name", ["merged-000001.json", "merged-000001.npz"])
def test_a_damaged_group_is_made_anew_by_the_next_attempt(task: ShardTask, name: str) -> None:
    def attempt() -> None:
        for shard in groups(SHARDS)[1]:
            aggregate(task, shard)
            merge_if_last(task, shard)

    attempt()
    task.folder.write(name, b"damaged")
    with pytest.raises(DamagedError, match=name):
        load_group(task, 1, merge_group(task, 1))
    attempt()
    assert load_group(task, 1, merge_group(task, 1)).arrays["total"] == 5 + 6 + 7 + 8 + 9
