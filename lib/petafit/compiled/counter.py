"""A count of the kernels that this process has compiled, and the time it took."""

import sys
import time
from collections.abc import Callable
from typing import Any

from numba.core import event

_events: Any = event  # numba's own types are partial


class CompileCounter(_events.Listener):  # type: ignore[misc]
    """Counts numba's compilations, and knows whether one is going on.

    Attributes
    ----------
    kernels : int
        Signatures of functions that were compiled, those of the functions they call included. What
        was loaded from a cache does not count.
    seconds : float
        Wall-clock time of it.
    depth : int
        The number of compilations going on, each for the sake of the one before.
    after_failure : list of callables
        Called when an exception has ended the last of them.
    """

    def __init__(self) -> None:
        self.kernels, self.seconds, self.depth = 0, 0.0, 0
        self.after_failure: list[Callable[[], None]] = []
        self._began = 0.0

    def on_start(self, event: Any) -> None:
        """Note that a compilation begins."""
        if self.depth == 0:
            self._began = time.perf_counter()
        self.depth += 1

    def on_end(self, event: Any) -> None:
        """Note that a compilation ends; one that an exception ends has compiled nothing."""
        failed = sys.exc_info()[0] is not None
        self.depth -= 1
        self.kernels += not failed
        if self.depth == 0:
            self.seconds += time.perf_counter() - self._began
            for action in self.after_failure if failed else ():
                action()


counter = CompileCounter()
_events.register("numba:compile", counter)


def compile_seconds() -> float:
    """Seconds that this process has spent compiling; 0 where a cache had everything."""
    return counter.seconds


def compiled_kernels() -> int:
    """The number of signatures that this process has compiled; 0 where a cache had everything."""
    return counter.kernels
