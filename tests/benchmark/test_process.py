import os
import time
from pathlib import Path

import pytest

from petafit_benchmark.contender import Spec
from petafit_benchmark.contenders.registry import load_contender
from petafit_benchmark.process import Failure, Finished, run_contender
from tests.benchmark.examples import IMPORT_PATH
from tests.benchmark.toys import BYTES

TOYS = "tests.benchmark.toys"

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs Linux' /proc")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", IMPORT_PATH)

    def run(toy, *, timeout=60.0, **fields):
        name = f"{TOYS}:{toy}"
        spec = Spec(train="none", test="none", rows=0, label="y", work=str(tmp_path), **fields)
        log = tmp_path / "logs" / "toy.log"
        return run_contender(name, load_contender(name), [spec], log=log, timeout=timeout)

    return run


def test_a_failure_has_the_end_of_the_output(run, tmp_path):
    failure = run("FAILS")
    assert failure.status == "failed"
    assert failure.error.startswith("exit code 1")
    assert failure.error.endswith("RuntimeError: no luck today")
    assert "printed before" in (tmp_path / "logs" / "toy.log").read_text()


def test_a_contender_that_is_not_installed_is_missing(run):
    assert run("NEEDS_MORE") == Failure("missing", "needs a_module_that_nobody_has")


@needs_proc
@pytest.mark.parametrize("forked", [0, 1])
def test_memory_is_that_of_the_whole_tree(run, forked):
    """The child leaves the session, as Spark's daemons may."""
    finished = run("HOLDS_MEMORY", seed=forked)
    assert isinstance(finished, Finished)
    assert BYTES < finished.peak_memory < 2 * BYTES


@needs_proc
def test_a_timeout_kills_the_contender_and_its_children(run, tmp_path):
    failure = run("NEVER_ENDS", timeout=5.0)
    assert failure.status == "timeout"
    assert failure.error == "not finished after 5 s\nwaiting"
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    until = time.monotonic() + 10
    while child.exists() and " Z " not in child.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert not child.exists() or " Z " in child.read_text()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux pins processes")
def test_a_contender_is_pinned(run, tmp_path):
    assert isinstance(run("PINNED"), Finished)
