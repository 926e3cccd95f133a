"""Shared by all tests: one small Spark session for the whole run, in one process."""

from __future__ import annotations

import importlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings as hypothesis_settings
from threadpoolctl import threadpool_limits

from petafit.config.settings import Settings
from petafit.spark.session import open_session
from tests.small import settings_in

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

_NUMPY_ONLY = "SCIPY_ARRAY_API is not set"
"""Why scikit-learn skips its check of arrays that are not NumPy's, which petafit does not take."""

# The first example of a test may compile a kernel, and main must not fail on a slow machine.
hypothesis_settings.register_profile("petafit", deadline=None, derandomize=True)
hypothesis_settings.load_profile("petafit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the session as `spark`; one worker takes all of it, so that one JVM runs."""
    for item in items:
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.spark)
        if item.get_closest_marker("spark") or item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.xdist_group("spark"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _skip_is_failure((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _skip_is_failure((yield))


def _skip_is_failure(report: Report) -> Report:
    """Turn a skipped test into a failure if PETAFIT_SKIP_NOTHING is set, as in CI."""
    is_skipped = (
        report.skipped
        and not hasattr(report, "wasxfail")
        and _NUMPY_ONLY not in str(report.longrepr)
    )
    if is_skipped and os.environ.get("PETAFIT_SKIP_NOTHING"):
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """One thread for numerical libraries, as workers have it: two processes share two cores."""
    for name in ("scipy.linalg", "sklearn.cluster"):  # a limit binds what is loaded
        importlib.import_module(name)
    with threadpool_limits(1):
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A task on a small table, both in the test's own folder."""
    return settings_in(tmp_path)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session on ``local[2]`` that speaks Delta where its jars are there."""
    folder = tmp_path_factory.mktemp("spark")
    settings = Settings(
        task="tests",
        table="none",
        label="none",
        spark={
            "master": "local[2]",
            "submit": {
                "spark.driver.memory": "1g",
                "spark.ui.enabled": False,
                "spark.jars.ivy": str(folder / "ivy"),
                "spark.sql.warehouse.dir": str(folder / "warehouse"),
                "spark.databricks.delta.snapshotPartitions": 2,
            },
            "session": {"spark.sql.shuffle.partitions": 2},
        },
    )
    with open_session(settings, app_name="petafit tests") as session:
        yield session
