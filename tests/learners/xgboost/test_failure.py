"""A worker's failure that the others of its group and the driver are told."""

import multiprocessing
from pathlib import Path

import pytest

from petafit.errors import ConfigurationError, LostWorkerError
from petafit.learners.xgboost.failure import GroupFailure
from petafit.store.filesystem import Folder

ERROR = ConfigurationError("XGBoost cannot learn", expected=1, got="label", hint="Check it.")


def wait(folder: str) -> None:
    with GroupFailure(Folder(folder), "launch").shared():
        multiprocessing.Event().wait()  # as in XGBoost's library: for ever


def fail(failure: GroupFailure, error: Exception) -> None:
    with failure.shared():
        raise error


def test_the_others_end_and_the_driver_raises_it(tmp_path: Path) -> None:
    waiting = multiprocessing.get_context("spawn").Process(target=wait, args=(str(tmp_path),))
    waiting.start()
    failure = GroupFailure(Folder(tmp_path), "launch")
    assert failure.reported() is None
    with pytest.raises(ConfigurationError, match="XGBoost cannot learn"):
        fail(failure, ERROR)
    waiting.join(120)
    assert waiting.exitcode == 1
    reported = failure.reported()
    assert type(reported) is ConfigurationError
    assert str(reported) == str(ERROR)
    assert GroupFailure(Folder(tmp_path), "next").reported() is None


def test_a_worker_that_lost_the_others_does_not_tell_a_cause(tmp_path: Path) -> None:
    failure = GroupFailure(Folder(tmp_path), "launch")
    with pytest.raises(LostWorkerError):
        fail(failure, LostWorkerError("The others are lost"))
    assert failure.reported() is None
