"""Numba, configured once: kernels are cached where the user may write, and release the GIL."""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def njit(kernel: _Kernel) -> _Kernel:
    """Compile a function to machine code on its first call, and keep it for later processes.

    Divisions by zero give inf and NaN as in numpy. ``njit(kernel).py_func`` is the plain function.
    """
    config: Any = numba.config
    if not config.CACHE_DIR:  # NUMBA_CACHE_DIR, where it is set, has the last word
        config.CACHE_DIR = str(cache_folder())
    compile_lazily: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast(_Kernel, compile_lazily(kernel))


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
