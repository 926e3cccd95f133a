"""`petafit package`: an archive with all that Spark's workers need, compiled kernels included.

Notes
-----
The archive is a virtual environment without its scripts: its Python is a link to the workers' own,
and finds its packages wherever Spark unpacks it. venv-pack makes the same of it, but leaves nothing
out, which is above 200 MB; a PEX file unpacks itself a second time on every host; conda-pack needs
conda on the machine that packs.
"""

import gzip
import hashlib
import logging
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from shutil import copytree, ignore_patterns, rmtree
from tempfile import TemporaryDirectory
from typing import IO

from petafit.compiled.target import Target
from petafit.errors import ConfigurationError, StorageError
from petafit.workflow.precompile import compile_kernels

log = logging.getLogger("petafit")

_LAST_LINES = 4
_VERSION = "import sys; print(sys.version_info[0], sys.version_info[1])"
_DRIVERS_ONLY = ("deltalake*", "arro3*")
"""What commits to Delta tables, and reads their logs; workers read and write files."""
_UNUSED = (
    "**/tests",
    "**/__pycache__",
    "pip*",
    "setuptools*",
    "pyarrow/include",
    "pyarrow/*flight*",
)
"""Tests, headers, and Arrow's network service, in no job's use."""
_USED = (
    "petafit.aggregate.shard_task, petafit.learners.registry, petafit.learners.sklearn.learner, "
    "petafit.models.model, petafit.stream.direct, pyarrow.dataset, pyarrow.fs, sklearn.utils"
)
"""Modules that import what is left."""


@dataclass(frozen=True)
class Package:
    """An archive for `spark-submit --archives`.

    Attributes
    ----------
    digest : str
        SHA-256 of the file.
    size : int
        Bytes.
    kernels : int
        Compiled kernels within.
    """

    path: Path
    digest: str
    size: int
    kernels: int
    target: str


def package(
    output: Path | None = None,
    *,
    python: str = sys.executable,
    target: Target = "native",
    driver: bool = False,
    lock: Path | None = None,
) -> Package:
    """Build the archive; nothing is left of it where that fails.

    Parameters
    ----------
    output : Path, optional
        By default ``petafit-VERSION-pyXY.tar.gz`` in the current folder.
    python : str
        The workers' Python, at the path that it has on their hosts.
    target : str
        The processor to compile for, as for `compile_kernels`.
    driver : bool
        Include what only a driver needs, for ``--deploy-mode cluster``.
    lock : Path, optional
        Another list of pinned packages with their hashes.

    Raises
    ------
    ConfigurationError
        The Python is missing or of another version, or packages cannot be had.
    StorageError
        The archive cannot be written.
    """
    version = _check_python(python)
    name = f"petafit-{metadata.version('petafit')}-py{version[0]}{version[1]}.tar.gz"
    output = (output or Path(name)).absolute()
    with _written_at_once(output) as file, TemporaryDirectory(prefix="petafit-package-") as folder:
        root = Path(folder, "environment")
        log.info("making an environment with %s", python)
        _run([python, "-m", "venv", "--without-pip", root], "The environment could not be made")
        interpreter = str(root / "bin/python")
        site = root / "lib" / f"python{version[0]}.{version[1]}" / "site-packages"
        _install(interpreter, lock)
        _copy_petafit(site)
        log.info("compiling kernels, which takes a minute or two")
        kernels = root / "share/petafit/kernels"
        compiled = compile_kernels(kernels, target=target, python=(interpreter, "-I"))
        _prune(site, (*_UNUSED, *(() if driver else _DRIVERS_ONLY)))
        _run([interpreter, "-IB", "-c", f"import {_USED}"], "The environment lacks something")
        log.info("writing %s", output)
        _write(root, file)
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    return Package(output, digest, output.stat().st_size, compiled.count, compiled.target)


def _check_python(python: str) -> tuple[int, int]:
    """Return the version of the workers' Python, which must be the driver's."""
    answer = _run([python, "-c", _VERSION], f"{python} does not run")
    major, minor = map(int, answer.split())
    if (major, minor) != sys.version_info[:2]:
        raise ConfigurationError(
            f"{python} is another Python than the driver's, which Spark refuses",
            expected=f"Python {sys.version_info[0]}.{sys.version_info[1]}",
            got=f"Python {major}.{minor}",
            hint="Name the workers' Python by `--python`, and run petafit with the same version.",
        )
    return major, minor


def _install(interpreter: str, lock: Path | None) -> None:
    """Install the pinned packages, each verified by its hash."""
    with resources.as_file(resources.files("petafit") / "runtime.lock") as own:
        log.info("installing the packages of %s", lock or own.name)
        pip = [sys.executable, "-m", "pip", "--python", interpreter, "install", "--quiet"]
        options = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile"]
        _run(
            [*pip, *options, "--no-input", "-r", lock or own],
            "The packages could not be installed",
            hint="It needs pip, and pip a package index: check the network, and `pip config list`.",
        )


def _copy_petafit(site: Path) -> None:
    """Copy this petafit, whether it is installed or a checkout."""
    source = Path(str(resources.files("petafit")))
    copytree(source, site / "petafit", ignore=ignore_patterns("__pycache__"))
    described = site / f"petafit-{metadata.version('petafit')}.dist-info"
    described.mkdir()
    text = metadata.distribution("petafit").read_text("METADATA") or ""
    (described / "METADATA").write_text(text, encoding="utf-8")


def _prune(site: Path, patterns: Sequence[str]) -> None:
    for pattern in patterns:
        for path in list(site.glob(pattern)):
            if path.is_dir():
                rmtree(path)
            else:
                path.unlink(missing_ok=True)


def _write(root: Path, file: IO[bytes]) -> None:
    """Write the environment without scripts; the same files give the same bytes."""
    kept = ("bin/python", "lib", "share", "pyvenv.cfg")
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if name == "bin" or name.startswith(kept):
                archive.add(path, name, recursive=False, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out who packed, and when."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    return entry


@contextmanager
def _written_at_once(output: Path) -> Iterator[IO[bytes]]:
    """Give a file beside the output, which becomes it at the end of the block."""
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        file = partial.open("wb")
    except OSError as error:
        raise StorageError(
            f"{output} cannot be written", got=error.strerror, hint="Name another by `--output`."
        ) from error
    try:
        with file:
            yield file
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _run(command: Sequence[str | Path], failed: str, *, hint: str = "") -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ConfigurationError(failed, got=error.strerror, hint=hint) from error
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-_LAST_LINES:]
        raise ConfigurationError(failed, got="\n".join(last), hint=hint)
    return done.stdout
