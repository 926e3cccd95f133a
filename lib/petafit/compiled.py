"""Numba, configured once: kernels are cached where the user may write, and release the GIL.

A cache is one version of the kernels: numba itself sees whether a function's own file has changed,
not whether that of a function it calls has.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def njit(kernel: _Kernel) -> _Kernel:
    """Compile a function to machine code on its first call, and keep it for later processes.

    Divisions by zero give inf and NaN as in numpy. ``njit(kernel).py_func`` is the plain function.
    """
    config: Any = numba.config
    if not config.CACHE_DIR:  # NUMBA_CACHE_DIR, where it is set, has the last word
        config.CACHE_DIR = str(cache_folder() / version_of_kernels())
    compile_lazily: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast(_Kernel, compile_lazily(kernel))


_events: Any = event  # numba's own types are partial
_compiling = _events.TimingListener()
_events.register("numba:compile", _compiling)


def compile_seconds() -> float:
    """Seconds that this process has spent compiling; 0 where the cache had everything."""
    return float(_compiling.duration) if _compiling.done else 0.0


@cache
def version_of_kernels() -> str:
    """A digest of all modules that have to do with numba."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"njit" in source or b"numba" in source:
            digest.update(hashlib.sha256(source).digest())
    return digest.hexdigest()[:16]


@cache
def cache_folder() -> Path:
    """The first folder that can be written: the user's cache, else one in the temporary folder.

    Numba's own default lies beside the source or at home; a read-only installation without a home
    would fail at import.
    """
    temporary = Path(tempfile.gettempdir()) / f"petafit-numba-{os.getuid()}"
    for folder in (_home_cache(), temporary):
        if folder is not None and _is_own_and_writable(folder):
            return folder
    return Path(tempfile.mkdtemp(prefix="petafit-numba-"))


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
