import os
import time
from pathlib import Path

import pytest

from petafit.errors import ConfigurationError
from petafit_benchmark.contender import Spec
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.process import Failure, Finished, run_contender
from tests.benchmark.made import IMPORT_PATH
from tests.benchmark.toys.holds_memory import BYTES

TOYS = "tests.benchmark.toys"

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="Linux tells of processes there")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", IMPORT_PATH)

    def run(toy, *, timeout=60.0, **fields):
        name = f"{TOYS}.{toy}"
        spec = Spec(train="none", test="none", rows=0, label="y", work=str(tmp_path), **fields)
        log = tmp_path / "logs" / "toy.log"
        return run_contender(name, load_contender(name), [spec], log=log, timeout=timeout)

    return run


def test_one_that_fails_says_why(run, tmp_path):
    failure = run("fails")
    assert failure.status == "failed"
    assert failure.error.startswith("exit code 1")
    assert failure.error.endswith("RuntimeError: no luck today")
    assert "told before" in (tmp_path / "logs" / "toy.log").read_text()


def test_one_that_is_not_installed_is_told_apart(run):
    assert run("needs_more") == Failure("missing", "needs a_module_that_nobody_has")


@needs_proc
@pytest.mark.parametrize("forked", [0, 1])
def test_memory_is_that_of_the_whole_tree(run, forked):
    """The child leaves the session, as Spark's daemons may."""
    finished = run("holds_memory", seed=forked)
    assert isinstance(finished, Finished)
    assert BYTES < finished.peak_memory < 2 * BYTES


@needs_proc
def test_one_that_takes_too_long_is_ended_with_its_children(run, tmp_path):
    failure = run("never_ends", timeout=5.0)
    assert failure.status == "timeout"
    assert failure.error == "not finished after 5 s\nwaiting"
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    until = time.monotonic() + 10
    while child.exists() and " Z " not in child.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert not child.exists() or " Z " in child.read_text()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux pins processes")
def test_it_is_pinned(run, tmp_path):
    assert isinstance(run("pinned"), Finished)


def test_an_unknown_contender_is_refused():
    with pytest.raises(ConfigurationError, match="Did you mean 'decode_only'"):
        load_contender("decode_olny")
