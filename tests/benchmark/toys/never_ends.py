"""Starts a child that outlives it, and waits for ever; leaves the child's number in its folder."""

import subprocess
import sys
import time
from pathlib import Path

from petafit_benchmark.contender import ContenderRun, Spec

TITLE = "never ends"
LEARNER = "toy"
CORES = 1
REQUIRES = ()
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    forever = [sys.executable, "-c", "import time; time.sleep(600)"]
    child = subprocess.Popen(forever, start_new_session=True)
    Path(spec.work, "child").write_text(str(child.pid))
    print("waiting", flush=True)
    time.sleep(600)
    raise AssertionError("never reached")
