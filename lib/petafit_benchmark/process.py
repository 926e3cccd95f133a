"""Runs a contender as a process of its own: pinned, watched, ended in time."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from petafit_benchmark.contender import Contender, ContenderRun, Spec
from petafit_benchmark.ipc import read_trained, write
from petafit_benchmark.process_tree import ProcessTree, watch_memory

Status = Literal["ok", "missing", "failed", "timeout"]

_TAIL_LINES = 12
_IN_ORDER = {"PYTHONUNBUFFERED": "1"}
"""Else what was printed before an error would come after it in the log."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ARROW_NUM_THREADS",
)


@dataclass(frozen=True)
class Finished:
    """A contender that did all it was asked.

    Attributes
    ----------
    trained : tuple of ContenderRun
        One for each spec.
    peak_memory : int or None
        Bytes, of the whole process tree: see `ProcessTree.memory`.
    """

    trained: tuple[ContenderRun, ...]
    peak_memory: int | None


@dataclass(frozen=True)
class Failure:
    """A contender that did not.

    Attributes
    ----------
    status : {"missing", "failed", "timeout"}
        Whether it is not installed, gave up, or took too long.
    error : str
        Why, in its own words.
    """

    status: Status
    error: str


def run_contender(
    name: str, contender: Contender, specs: Sequence[Spec], *, log: Path, timeout: float
) -> Finished | Failure:
    """Let a contender train for every spec, one after the other, in one process.

    Parameters
    ----------
    name : str
        As `load_contender` takes it.
    log : path
        Takes all it prints.
    timeout : float
        Seconds for everything.
    """
    missing = [module for module in contender.REQUIRES if find_spec(module) is None]
    if missing:
        return Failure("missing", f"needs {', '.join(missing)}")
    work = Path(specs[0].work)
    spec, result = work / "spec.json", work / "result.json"
    write(spec, specs)
    command = [sys.executable, "-m", "petafit_benchmark.contenders", name]
    command += ["--cores", str(contender.CORES), "--spec", str(spec), "--result", str(result)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **_IN_ORDER, **dict.fromkeys(_THREADS, str(contender.CORES))},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        tree = ProcessTree(process.pid)
        try:
            with watch_memory(tree) as peak:
                code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return Failure("timeout", f"not finished after {timeout:.0f} s\n{_tail(log)}".rstrip())
        finally:
            tree.kill()
            process.wait()
    if code or not result.exists():
        return Failure("failed", f"exit code {code}\n{_tail(log)}".rstrip())
    return Finished(tuple(read_trained(result)), peak.bytes)


def _tail(log: Path) -> str:
    """The end of what a process printed: the last line is what it died of, as a rule."""
    return "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-_TAIL_LINES:])
