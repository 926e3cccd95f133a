"""A job as a context manager: its run after success, failure, and without work."""

from typing import Any

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.job import open_job
from tests.small import with_settings


def test_a_block_that_ends_is_a_finished_run(settings: Settings) -> None:
    with open_job("train", settings, run_id="once") as job:
        assert not job.finished
        assert job.run.manifest["status"] == "running"
    assert job.finished
    assert job.run.manifest["peak_memory_bytes"]["driver"] > 0


def test_a_failed_job_is_reported_and_can_be_resumed(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), open_job("train", settings, run_id="twice") as job:
        raise ZeroDivisionError("by zero")
    assert job.run.manifest["status"] == "failed"
    assert job.run.manifest["error"] == "ZeroDivisionError: by zero"
    with open_job("train", settings, run_id="twice") as again:
        assert not again.finished
    assert again.run.manifest["error"] is None


def test_a_finished_run_needs_no_session(settings: Settings, spark: Any) -> None:
    on_spark = with_settings(settings, engine="spark")
    with open_job("train", on_spark, run_id="done", spark=spark) as job:
        assert job.spark is spark
    before = job.run.manifest
    with open_job("train", on_spark, run_id="done") as again:
        assert again.finished
        assert again.spark is None
    assert again.run.manifest == before


def test_no_memory_left_is_one_clear_error(settings: Settings) -> None:
    with (
        pytest.raises(ConfigurationError, match="more memory than this machine has left"),
        open_job("train", settings, run_id="large") as job,
    ):
        raise MemoryError("Unable to allocate 9 EiB")
    assert job.run.manifest["status"] == "failed"
