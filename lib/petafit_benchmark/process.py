"""Runs a contender as a process of its own: pinned, watched, killed after a time limit."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from petafit_benchmark.contender import Contender, ContenderRun, Spec, read_runs, write_json
from petafit_benchmark.process_tree import ProcessTree
from petafit_benchmark.sampling import watch_memory

Status = Literal["ok", "missing", "failed", "timeout"]

_TAIL_LINES = 12
_IN_ORDER = {"PYTHONUNBUFFERED": "1"}
"""Without it, output printed before an error would follow it in the log."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "ARROW_NUM_THREADS",
)


@dataclass(frozen=True)
class Finished:
    """A contender that trained for every spec.

    Attributes
    ----------
    runs : tuple of ContenderRun
        One for each spec.
    peak_memory : int or None
        In bytes, of the whole process tree: see `ProcessTree.memory`.
    """

    runs: tuple[ContenderRun, ...]
    peak_memory: int | None


@dataclass(frozen=True)
class Failure:
    """A contender that could not be measured.

    Attributes
    ----------
    status : {"missing", "failed", "timeout"}
        Not installed, ended with an error, or took too long.
    error : str
        The reason, with the end of its output.
    """

    status: Status
    error: str


def run_contender(
    name: str, contender: Contender, specs: Sequence[Spec], *, log: Path, timeout: float
) -> Finished | Failure:
    """Run a contender on every spec, one after the other, in one process.

    Parameters
    ----------
    name : str
        As `load_contender` takes it.
    log : path
        Gets all its output.
    timeout : float
        Seconds for all specs.
    """
    missing = [module for module in contender.requires if find_spec(module) is None]
    if missing:
        return Failure("missing", f"needs {', '.join(missing)}")
    work = Path(specs[0].work)
    spec, result = work / "spec.json", work / "result.json"
    write_json(spec, specs)
    command = [sys.executable, "-m", "petafit_benchmark.contenders", name]
    command += ["--cores", str(contender.cores), "--spec", str(spec), "--result", str(result)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **_IN_ORDER, **dict.fromkeys(_THREADS, str(contender.cores))},
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
    return Finished(tuple(read_runs(result)), peak.bytes)


def _tail(log: Path) -> str:
    """The last lines of a log: the last one usually names the error."""
    return "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-_TAIL_LINES:])
