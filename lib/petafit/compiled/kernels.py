"""The decorator of all kernels: numba, configured once."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from petafit.compiled.cache import KernelCache
from petafit.compiled.target import choose_target

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def njit(kernel: _Kernel) -> _Kernel:
    """Compile a function to machine code on its first call, and keep it for later processes.

    It releases the GIL; divisions by zero give inf and NaN as in numpy. ``njit(kernel).py_func`` is
    the plain function.
    """
    choose_target()
    config: Any = numba.config
    compile_lazily: Any = numba.njit(nogil=True, error_model="numpy")
    dispatcher = compile_lazily(kernel)
    if not config.DISABLE_JIT:
        dispatcher._cache = KernelCache(kernel)  # what `cache=True` does, with numba's own cache
    return cast(_Kernel, dispatcher)
