"""Knowledge of what was compiled before, without compiling."""

from typing import Any

from numba.core.registry import cpu_target

from petafit.compiled.folders import cache_folder, packaged_folder, version_name
from petafit.compiled.target import choose_target


def compiled_ahead() -> str:
    """Return the folder that holds kernels for this processor and version; empty if none does.

    The installation's own has all of them, the host's cache those that jobs have needed.
    """
    choose_target()
    context: Any = cpu_target.target_context
    version = version_name(context.codegen().magic_tuple())
    for folder in (packaged_folder(), cache_folder()):
        if any((folder / version).glob("petafit.*")):
            return str(folder / version)
    return ""
