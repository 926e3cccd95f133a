"""`petafit compile`: compile all kernels ahead of the jobs, for the hosts that will run them."""

import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from petafit.compiled import compiled_kernels
from petafit.compiled.folders import packaged_folder
from petafit.compiled.target import TARGET_FILE, Target, numba_variables, supports, target_name
from petafit.errors import ConfigurationError, StorageError, only_logged
from petafit.workflow.small_jobs import run_small_jobs

_MODULE = "petafit.workflow.precompile"
_LAST_LINES = 5


@dataclass(frozen=True)
class CompiledKernels:
    """A folder of compiled kernels.

    Attributes
    ----------
    count : int
        Signatures of functions.
    target : str
        The processor that they are for, by LLVM's name.
    """

    folder: Path
    count: int
    target: str


def compile_kernels(
    folder: Path | None = None,
    *,
    target: Target = "native",
    python: Sequence[str] = (sys.executable,),
) -> CompiledKernels:
    """Fill a folder with all kernels that jobs use; it is replaced as a whole, once all are there.

    Parameters
    ----------
    folder : Path, optional
        By default that of this installation, where every process of it finds them.
    target : str
        ``native`` is this machine's processor. A level, such as ``x86-64-v3``, serves each
        processor that has it, and gives the same results.
    python : sequence of str
        The command of the Python whose petafit is compiled.

    Raises
    ------
    ConfigurationError
        This machine's processor is below the level.
    StorageError
        The folder cannot be written, or compiling failed.
    """
    if target != "native" and not supports(target):
        raise ConfigurationError(
            f"This machine cannot compile kernels for {target}",
            expected="a level that its processor has",
            got=target_name(),
            hint="`generic` serves every processor of a kind.",
        )
    folder = folder or packaged_folder()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be written",
            got=error.strerror,
            hint="Name another folder by `--into`, and let PETAFIT_KERNELS name it for the jobs.",
        ) from error
    try:
        done = _compile(new, target, python)
        if target != "native":
            (new / TARGET_FILE).write_text(f"{target}\n", encoding="utf-8")
        new.chmod(0o755)
        if folder.exists():
            rmtree(folder)
        new.rename(folder)
    except BaseException:
        with only_logged(f"removing {new}"):
            rmtree(new)
        raise
    return CompiledKernels(folder, done["count"], done["target"])


def _compile(folder: Path, target: Target, python: Sequence[str]) -> dict[str, Any]:
    """Run this module in a process that finds no compiled kernel but those it makes."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    own = {"NUMBA_CACHE_DIR": str(folder), "PETAFIT_KERNELS": str(folder)}
    done = subprocess.run(
        [*python, "-m", _MODULE],
        env=inherited | own | numba_variables(target),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StorageError(
            "The kernels could not be compiled",
            got="\n".join(done.stderr.splitlines()[-_LAST_LINES:]),
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    logging.disable()
    warnings.simplefilter("ignore")
    run_small_jobs()
    print(json.dumps({"count": compiled_kernels(), "target": target_name()}))
