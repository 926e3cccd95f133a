"""Looking at something once a second while a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SECONDS = 1.0
"""Summing up the pages of processes stops them for moments, which oftener would slow them down;
looking at ten thousand files takes a twentieth of it."""


@contextmanager
def sampled(look: Callable[[], None], name: str) -> Iterator[None]:
    """Look at once, then once a second, and at the end of the block, in a thread of this name."""
    stop = threading.Event()

    def sample() -> None:
        while not stop.wait(_SECONDS):
            look()

    look()
    thread = threading.Thread(target=sample, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        look()
