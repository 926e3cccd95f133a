"""Programs in new processes: what is cached between them shows there only."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROBE = """
from petafit.compiled import compiled_kernels
from petafit.compiled.folders import cache_folder
from petafit.features.encoding.hashing import feature_index
assert compiled_kernels() == 0
feature_index("a", 4)
print(cache_folder(), compiled_kernels())
"""
"""Runs one kernel, which needs others; prints where it is kept, and how many were compiled."""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without numba's and petafit's settings, with some changed."""
    named = ("NUMBA_", "PETAFIT_", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(named)}
    return kept | changes


def start(program: str, variables: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=dict(variables),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[list[str], str]:
    """The words a process printed, and its standard error."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.split(), err


def run(program: str, variables: Mapping[str, str]) -> tuple[list[str], str]:
    return finish(start(program, variables))
