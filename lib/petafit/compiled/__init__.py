"""Kernels: functions that numba compiles to machine code, and the caches they are kept in.

A cache is found by what was compiled and for which processor, never by the path of an installation:
one that was made while packaging serves wherever the package is unpacked.
"""

from petafit.compiled.counter import compile_seconds, compiled_kernels
from petafit.compiled.kernels import njit

__all__ = ["compile_seconds", "compiled_kernels", "njit"]
