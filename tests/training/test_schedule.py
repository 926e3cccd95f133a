"""The parts of the first round, and its merge holdout."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.settings import Training
from petafit.training.schedule import Schedule, geometric

TRAINING = Training()


@pytest.mark.parametrize(("shards", "parts"), [(2, 1), (8, 2), (64, 4), (256, 6), (10_000, 8)])
def test_more_shards_merge_more_often(shards: int, parts: int) -> None:
    assert len(Schedule.of(TRAINING, shards=shards, rows=None).parts) == parts


def test_one_shard_has_one_part_and_no_merge_holdout() -> None:
    schedule = Schedule.of(TRAINING, shards=1, rows=10**9)
    assert schedule == Schedule()
    assert schedule.merge_holdout(0) is None


def test_every_piece_of_a_shard_gets_a_batch() -> None:
    """3,000 rows in 3 shards are 10 batches of 100 each, of which 4 pieces can be made, not 8."""
    schedule = Schedule.of(Training(batch_rows=100, parts=None), shards=64, rows=64_000)
    assert len(schedule.parts) == 3
    assert len(Schedule.of(Training(), shards=64, rows=64_000).parts) == 1


@given(shards=st.integers(2, 20_000), rows=st.integers(1, 10**12), wanted=st.integers(0, 10**6))
def test_the_merge_holdout_is_no_larger_than_wanted(shards: int, rows: int, wanted: int) -> None:
    schedule = Schedule.of(Training(merge_holdout=wanted), shards=shards, rows=rows)
    assert schedule.cuts[0] == 0
    assert schedule.cuts[-1] == 1
    assert list(schedule.cuts) == sorted(schedule.cuts)
    assert [piece for part in schedule.parts for piece in part] == list(range(len(schedule.shares)))
    for part in schedule.parts:
        holdout = sum(
            schedule.shares[piece] * rows * (schedule.cuts[piece + 1] - schedule.cuts[piece])
            for piece in part
        )
        assert holdout <= wanted * (1 + 1e-9)
        assert max(schedule.shares[piece] for piece in part) <= 0.2


def test_parts_double() -> None:
    sizes = [end - begin for begin, end in pairwise(geometric(5))]
    assert sizes[1:] == [sum(sizes[:k]) for k in range(1, 5)]
