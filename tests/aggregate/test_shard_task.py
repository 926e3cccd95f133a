import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from petafit.aggregate.heartbeat import HeartbeatReader
from petafit.aggregate.pass_files import Reference, ShardReport, load_summary
from petafit.aggregate.shard_task import ShardTask, aggregate_shard
from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import StateDict, digest, to_bytes
from petafit.store.filesystem import Folder
from tests.aggregate.toys import Lists, Total, lists

DATA = [[[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]]


def run(task: ShardTask, source: Lists) -> ShardReport:
    return aggregate_shard(task, 0, source)


def reads(folder: Path) -> int:
    return len(list(folder.glob("0-*")))


def test_a_finished_shard_is_not_read_again(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    task = ShardTask(Total(), Folder(tmp_path / "pass"))
    source = lists(DATA, reads=seen)
    first = run(task, source)
    again = run(task, source)
    assert reads(seen) == 3
    assert first.rows == 6
    assert (again.digest, again.rows) == (first.digest, first.rows)
    assert load_summary(task.folder, again).arrays["total"] == 21.0


def test_a_killed_shard_resumes_from_its_checkpoint(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    task = ShardTask(Total(), Folder(tmp_path / "pass"), checkpoint_seconds=0)
    source = lists(DATA, reads=seen, fatal=(0, 2))
    attempt = multiprocessing.get_context("spawn").Process(target=run, args=(task, source))
    attempt.start()
    attempt.join()
    assert attempt.exitcode == -9
    resumed = run(task, source)
    undisturbed = run(ShardTask(Total(), Folder(tmp_path / "other")), lists(DATA))
    assert resumed.digest == undisturbed.digest
    assert resumed.rows == 6
    own = list(seen.glob(f"0-*-{os.getpid()}"))
    assert [path.name.split("-")[1] for path in own] == ["2"]


def test_nothing_but_summary_and_report_is_left(tmp_path: Path) -> None:
    task = ShardTask(Total(), Folder(tmp_path), checkpoint_seconds=0)
    run(task, lists(DATA))
    assert Folder(tmp_path).names() == ["report-000000.json", "summary-000000.npz"]
    assert HeartbeatReader(Folder(tmp_path)).read().rows == 6


def test_a_changed_summary_is_refused(tmp_path: Path) -> None:
    task = ShardTask(Total(), Folder(tmp_path))
    report = run(task, lists(DATA))
    task.folder.write("summary-000000.npz", to_bytes(StateDict({"total": np.ones(1)})))
    with pytest.raises(StorageError, match="not what was written"):
        load_summary(task.folder, report)


def test_a_start_is_loaded_by_reference(tmp_path: Path) -> None:
    model = StateDict({"total": np.array([7.0])})
    Folder(tmp_path).write("start.npz", to_bytes(model))
    reference = Reference(Folder(tmp_path), "start.npz", digest(to_bytes(model)))
    assert ShardTask(Total(), Folder(tmp_path), reference).model() == model


def interrupted(task: ShardTask, seen: Path, *, frozen: bool = True) -> None:
    """Let a process that works on the shard be killed after its second batch."""
    source = lists(DATA, reads=seen, fatal=(0, 2), frozen=frozen)
    attempt = multiprocessing.get_context("spawn").Process(target=run, args=(task, source))
    attempt.start()
    attempt.join()
    assert attempt.exitcode == -9


def test_a_damaged_checkpoint_is_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    task = ShardTask(Total(), Folder(tmp_path / "pass"), checkpoint_seconds=0)
    interrupted(task, seen)
    whole = run(ShardTask(Total(), Folder(tmp_path / "other")), lists(DATA)).digest
    name = "checkpoint-000000.npz"
    content = task.folder.read(name)
    flipped = [
        content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        for at in range(0, len(content), 7)
    ]
    for damaged in (b"", content[: len(content) // 2], content[1:], *flipped):
        task.folder.remove("report-000000.json")
        task.folder.write(name, damaged)
        assert run(task, lists(DATA)).digest == whole
    assert f"{name} is damaged: shard 0 is aggregated anew" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"shard": "first"}', b"\xff"])
def test_a_damaged_report_is_named_and_its_shard_aggregated_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    task = ShardTask(Total(), Folder(tmp_path))
    whole = run(task, lists(DATA))
    task.folder.write("report-000000.json", content)
    assert run(task, lists(DATA)).digest == whole.digest
    assert "report-000000.json is damaged" in caplog.text


def test_the_shard_of_a_damaged_summary_is_aggregated_anew_by_the_next_attempt(
    tmp_path: Path,
) -> None:
    task = ShardTask(Total(), Folder(tmp_path))
    whole = run(task, lists(DATA))
    task.folder.write("summary-000000.npz", b"damaged")
    with pytest.raises(DamagedError, match="same run id"):
        load_summary(task.folder, whole)
    assert load_summary(task.folder, run(task, lists(DATA))).arrays["total"] == 21.0


def test_rows_that_are_dealt_anew_are_never_resumed(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    task = ShardTask(Total(), Folder(tmp_path / "pass"), checkpoint_seconds=0)
    interrupted(task, seen, frozen=False)
    assert "checkpoint-000000.npz" not in task.folder.names()
    dealt_otherwise = lists([[[10.0], [20.0, 30.0], [40.0]]], frozen=False)
    assert load_summary(task.folder, run(task, dealt_otherwise)).arrays["total"] == 100.0
    dealt_again = lists([[[1.0], [2.0]]], frozen=False)
    assert load_summary(task.folder, run(task, dealt_again)).arrays["total"] == 3.0
