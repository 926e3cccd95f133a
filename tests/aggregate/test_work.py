import multiprocessing
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from petafit.aggregate.pulse import PulseReader
from petafit.aggregate.work import Reference, ShardReport, Work, aggregate_shard, load_summary
from petafit.errors import StorageError
from petafit.store.arrays import Named, digest, to_bytes
from petafit.store.filesystem import Folder
from tests.aggregate.toys import Lists, Total, lists

DATA = [[[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]]]


def run(work: Work, source: Lists) -> ShardReport:
    return aggregate_shard(work, 0, partial(source.read, 0))


def reads(folder: Path) -> int:
    return len(list(folder.glob("0-*")))


def test_a_finished_shard_is_not_read_again(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    work = Work(Total(), Folder(tmp_path / "pass"))
    source = lists(DATA, reads=seen)
    first = run(work, source)
    again = run(work, source)
    assert reads(seen) == 3
    assert first.rows == 6
    assert (again.digest, again.rows) == (first.digest, first.rows)
    assert load_summary(work, again).arrays["total"] == 21.0


def test_a_killed_shard_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    work = Work(Total(), Folder(tmp_path / "pass"), checkpoint_seconds=0)
    source = lists(DATA, reads=seen, fatal=(0, 2))
    attempt = multiprocessing.get_context("spawn").Process(target=run, args=(work, source))
    attempt.start()
    attempt.join()
    assert attempt.exitcode == -9
    resumed = run(work, source)
    undisturbed = run(Work(Total(), Folder(tmp_path / "other")), lists(DATA))
    assert resumed.digest == undisturbed.digest
    assert resumed.rows == 6
    own = list(seen.glob(f"0-*-{os.getpid()}"))
    assert [path.name.split("-")[1] for path in own] == ["2"]


def test_nothing_but_summary_and_report_is_left(tmp_path: Path) -> None:
    work = Work(Total(), Folder(tmp_path), checkpoint_seconds=0)
    run(work, lists(DATA))
    assert Folder(tmp_path).names() == ["report-000000.json", "summary-000000.npz"]
    assert PulseReader(Folder(tmp_path)).read().rows == 6


def test_a_changed_summary_is_refused(tmp_path: Path) -> None:
    work = Work(Total(), Folder(tmp_path))
    report = run(work, lists(DATA))
    work.folder.write("summary-000000.npz", to_bytes(Named({"total": np.ones(1)})))
    with pytest.raises(StorageError, match="not what was written"):
        load_summary(work, report)


def test_a_start_is_loaded_by_reference(tmp_path: Path) -> None:
    model = Named({"total": np.array([7.0])})
    Folder(tmp_path).write("start.npz", to_bytes(model))
    reference = Reference(Folder(tmp_path), "start.npz", digest(to_bytes(model)))
    assert Work(Total(), Folder(tmp_path), reference).model() == model
