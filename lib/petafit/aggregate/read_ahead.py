"""Making the next item while the last one is in use."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; each but the first is made in a thread while the one before is in use.

    It pays for what waits for a disk, or hashes and copies: that leaves the interpreter to others.
    An error comes where its item would. One item more than before is held.

    Examples
    --------
    >>> list(read_ahead(number**2 for number in range(4)))
    [0, 1, 4, 9]
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        coming: Future[list[Item]] = thread.submit(_next, source)
        while made := coming.result():
            coming = thread.submit(_next, source)
            yield made.pop()  # nothing here holds it while it is in use


def _next(source: Iterator[Item]) -> list[Item]:
    """The next item, alone in a list; an empty one at the end."""
    return list(islice(source, 1))
