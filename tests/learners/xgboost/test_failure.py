"""A worker's failure that the others of its group and the driver are told."""

import multiprocessing
import threading
from pathlib import Path

import pytest

from petafit.errors import ConfigurationError, LostWorkerError, StorageError
from petafit.learners.xgboost import failure as module
from petafit.learners.xgboost.failure import GroupFailure
from petafit.store.filesystem import Folder

ERROR = ConfigurationError("XGBoost cannot learn", expected=1, got="label", hint="Check it.")


def wait(folder: str, scratch: str) -> None:
    with GroupFailure(Folder(folder), "launch").shared(scratch):
        multiprocessing.Event().wait()  # as in XGBoost's library: for ever


def fail(failure: GroupFailure, error: Exception) -> None:
    with failure.shared():
        raise error


def test_the_others_end_and_the_driver_raises_it(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "rows").touch()
    places = str(tmp_path / "run"), str(scratch)
    waiting = multiprocessing.get_context("spawn").Process(target=wait, args=places)
    waiting.start()
    failure = GroupFailure(Folder(places[0]), "launch")
    assert failure.reported() is None
    with pytest.raises(ConfigurationError, match="XGBoost cannot learn"):
        fail(failure, ERROR)
    waiting.join(120)
    assert waiting.exitcode == 1
    assert not scratch.exists()
    reported = failure.reported()
    assert type(reported) is ConfigurationError
    assert str(reported) == str(ERROR)
    assert GroupFailure(Folder(places[0]), "next").reported() is None


def test_a_worker_that_lost_the_others_does_not_tell_a_cause(tmp_path: Path) -> None:
    failure = GroupFailure(Folder(tmp_path), "launch")
    with pytest.raises(LostWorkerError):
        fail(failure, LostWorkerError("The others are lost"))
    assert failure.reported() is None


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"error": "only_logged", "what": "", "expected": 0, "got": 0, "hint": ""}',
    ],
)
def test_a_file_that_holds_no_error_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "failed-launch.json").write_bytes(content)
    assert GroupFailure(Folder(tmp_path), "launch").reported() is None


def test_storage_out_of_reach_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, twice = [], threading.Event()

    def exists(folder: Folder, name: str) -> bool:
        looks.append(name)
        if len(looks) > 1:
            twice.set()
        raise StorageError("The storage is out of reach")

    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(Folder, "exists", exists)
    with GroupFailure(Folder(tmp_path), "launch").shared():
        assert twice.wait(60)
