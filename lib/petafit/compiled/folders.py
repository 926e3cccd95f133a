"""Folders of compiled kernels: the one shipped with an installation, and one that can be written.

Both hold a folder for each version of kernels, of what compiles them, and of the processor.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numba

PACKAGE = __name__.partition(".")[0]


def packaged_folder() -> Path:
    """The folder of kernels that were compiled ahead: in the installation, or PETAFIT_KERNELS.

    It may not exist, and is only read.
    """
    given = os.environ.get("PETAFIT_KERNELS")
    return Path(given) if given else Path(sys.prefix) / "share/petafit/kernels"


@cache
def cache_folder() -> Path:
    """The first folder that can be written: the user's cache, else one in the temporary folder.

    Numba's own default lies beside the source or at home; a read-only installation without a home
    would fail. ``NUMBA_CACHE_DIR``, where it is set, has the last word.
    """
    config: Any = numba.config
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    temporary = Path(tempfile.gettempdir()) / f"petafit-numba-{os.getuid()}"
    for folder in (_home_cache(), temporary):
        if folder is not None and _is_own_and_writable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="petafit-numba-"))


@cache
def version_name(magic: tuple[Any, ...]) -> str:
    """The name of the folder for these sources, versions and this processor.

    Parameters
    ----------
    magic : tuple
        What numba's ``codegen().magic_tuple()`` says: platform, processor, its features.
    """
    processor = hashlib.sha256(repr(magic).encode()).hexdigest()[:8]
    return f"{version_of_kernels()}-{magic[1]}-{processor}"


@cache
def version_of_kernels() -> str:
    """A digest of all modules that have to do with numba, and of the versions that compile them.

    Numba itself sees whether a function's own file has changed, not whether that of a function it
    calls has.
    """
    versions = (sys.implementation.cache_tag, numba.__version__, metadata.version("llvmlite"))
    digest = hashlib.sha256(" ".join(map(str, versions)).encode())
    for source in _sources(resources.files(PACKAGE)):
        if b"njit" in source or b"numba" in source:
            digest.update(hashlib.sha256(source).digest())
    return digest.hexdigest()[:16]


def _sources(folder: Traversable) -> Iterator[bytes]:
    """The content of all modules; a package may lie within a zip."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.read_bytes()


def _home_cache() -> Path | None:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "petafit/numba"
    except RuntimeError:  # this user has no home
        return None


def _is_own_and_writable(folder: Path) -> bool:
    """A cache holds machine code, so that a folder another user owns must not be used."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK)
    except OSError:
        return False
