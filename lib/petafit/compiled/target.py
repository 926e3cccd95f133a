"""The processor that kernels are compiled for: this machine's own, or a level that many have."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import llvmlite.binding as llvm
import numba

from petafit.compiled.folders import packaged_folder

Target = Literal["native", "generic", "x86-64-v2", "x86-64-v3", "x86-64-v4"]

TARGET_FILE = "target"
"""Within a folder of kernels: the name of what they were compiled for, where that is a level."""

_V2 = ("cx16", "popcnt", "sahf", "sse3", "ssse3", "sse4.1", "sse4.2")
_V3 = (*_V2, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe", "xsave")
_V4 = (*_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
LEVELS: Mapping[str, tuple[str, ...]] = {
    "generic": (),
    "x86-64-v2": _V2,
    "x86-64-v3": _V3,
    "x86-64-v4": _V4,
}
"""What a processor must have for each level, by LLVM's names.

Levels of x86-64 are those of its psABI.
"""


@cache
def choose_target() -> None:
    """Compile for the level of the kernels that were shipped, where this processor has it.

    Another processor compiles for itself, once for the host. ``NUMBA_CPU_NAME``, where it is set,
    has the last word. Results do not depend on the target: kernels allow no reordered sums, and no
    fused products.
    """
    config: Any = numba.config
    level = packaged_target()
    if level and config.CPU_NAME is None and supports(level):
        config.CPU_NAME, config.CPU_FEATURES = level, ""


def packaged_target() -> str:
    """The level that kernels were shipped for; empty for one kind of processor, or for none."""
    try:
        return (packaged_folder() / TARGET_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def supports(level: str) -> bool:
    """Return whether this machine runs code of a level.

    Examples
    --------
    >>> supports("generic"), supports("x86-64-v9")
    (True, False)
    """
    features = _features()
    needed = LEVELS.get(level)
    if needed is None or (level != "generic" and not _machine().startswith("x86_64")):
        return False
    return all(features.get(name, False) for name in needed)


def target_name() -> str:
    """The processor that kernels are compiled for here, by LLVM's name."""
    config: Any = numba.config
    return str(config.CPU_NAME or llvm.get_host_cpu_name())


def numba_variables(target: str) -> dict[str, str]:
    """The environment in which a process compiles for a target."""
    return {} if target == "native" else {"NUMBA_CPU_NAME": target, "NUMBA_CPU_FEATURES": ""}


@cache
def _features() -> Mapping[str, bool]:
    return dict(llvm.get_host_cpu_features())


@cache
def _machine() -> str:
    return str(llvm.get_process_triple())
