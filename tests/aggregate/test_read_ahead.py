import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.aggregate.read_ahead import read_ahead


class Thing:
    """Something that can be held weakly."""


@given(st.lists(st.integers() | st.none()))
def test_items_arrive_unchanged_and_in_order(items: list[int | None]) -> None:
    assert list(read_ahead(items)) == items


def test_the_next_item_is_made_while_one_is_in_use() -> None:
    made = [threading.Event() for _ in range(3)]

    def make() -> Iterator[int]:
        for number, event in enumerate(made):
            event.set()
            yield number

    for number in read_ahead(make()):
        assert all(event.wait(10) for event in made[: number + 2])


def test_an_error_comes_after_the_items_before_it() -> None:
    def make() -> Iterator[int]:
        yield 1
        raise ValueError("the second cannot be made")

    items = read_ahead(make())
    assert next(items) == 1
    with pytest.raises(ValueError, match="second"):
        next(items)


def test_consumed_items_are_released() -> None:
    held: list[weakref.ref[Thing]] = []

    def make() -> Iterator[Thing]:
        for _ in range(3):
            thing = Thing()
            held.append(weakref.ref(thing))
            yield thing
            del thing

    things = read_ahead(make())
    first = next(things)
    next(things)
    del first
    gc.collect()
    assert held[0]() is None
