from types import SimpleNamespace

import pyarrow as pa
import pytest

from petafit.aggregate import memory


@pytest.mark.parametrize(("size", "released"), [(1 << 20, 0), (64 << 20, 1)])
def test_room_is_made_for_much(size: int, released: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    pool = SimpleNamespace(release_unused=lambda: calls.append(None))
    monkeypatch.setattr(pa, "default_memory_pool", lambda: pool)
    memory.make_room(size)
    assert len(calls) == released
