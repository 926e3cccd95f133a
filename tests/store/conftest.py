"""A place for runs, and a process in the middle of one."""

import subprocess
import sys

import pytest

from petafit.store.runs import RunStore

WORK = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
from petafit.store.runs import RunStore
run = RunStore(sys.argv[1]).open(
    "run-1", job="train", task="flights", environment="local", logical_date=None,
    settings_digest="abc", versions={},
)
with run:
    run.update(rows={"in": 7})
    print("at work", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


@pytest.fixture
def worker(store):
    """A process in the middle of run-1."""
    command = [sys.executable, "-c", WORK, store.folder.uri]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"at work\n"
        yield process
        process.kill()
