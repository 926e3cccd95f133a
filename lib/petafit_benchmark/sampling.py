"""Looking at something once a second while a block runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from petafit.aggregate.repeating import repeating

_SECONDS = 1.0
"""Summing up the pages of processes stops them for moments, which oftener would slow them down;
looking at ten thousand files takes a twentieth of it."""


@contextmanager
def sampled(look: Callable[[], None], name: str) -> Iterator[None]:
    """Look at once, then once a second, and at the end of the block."""
    look()
    try:
        with repeating(look, seconds=_SECONDS, name=name):
            yield
    finally:
        look()
