"""The merge holdout: selected by position alone, of the wanted size, independent of each other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch
from petafit.features.instances import MergeHoldout


def batch(rows: int) -> Batch:
    return Batch(csr_array((rows, 3), dtype=np.float32))


@settings(max_examples=20, deadline=None)
@given(share=st.floats(0.01, 0.5), seed=st.integers(0, 1000), shard=st.integers(0, 9999))
def test_the_share_is_as_wanted(share: float, seed: int, shard: int) -> None:
    chosen = MergeHoldout((0.0, share), seed).mask(batch(50_000), shard=shard, piece=1, number=3)
    assert chosen is not None
    deviation = np.sqrt(share * (1 - share) / 50_000)
    assert abs(chosen.mean() - share) < 5 * deviation


def test_a_retry_chooses_the_same_rows_and_other_places_others() -> None:
    holdout, rows = MergeHoldout((0.5, 0.5), seed=1), batch(1000)
    place = {"shard": 2, "piece": 1, "number": 7}
    once = holdout.mask(rows, **place)
    assert once is not None
    np.testing.assert_array_equal(once, holdout.mask(batch(1000), **place))
    others = [
        holdout.mask(rows, **{**place, "shard": 3}),
        holdout.mask(rows, **{**place, "piece": 0}),
        holdout.mask(rows, **{**place, "number": 8}),
        MergeHoldout((0.5, 0.5), seed=2).mask(rows, **place),
    ]
    for other in others:
        assert other is not None
        assert 0.4 < (once == other).mean() < 0.6


def test_a_larger_share_takes_in_the_smaller() -> None:
    few, many = (
        MergeHoldout((share,)).mask(batch(2000), shard=0, piece=0, number=0) for share in (0.1, 0.3)
    )
    assert few is not None
    assert many is not None
    assert (many | ~few).all()


def test_a_piece_without_a_share_has_no_merge_holdout() -> None:
    assert MergeHoldout((0.0,)).mask(batch(1000), shard=0, piece=0, number=0) is None
    assert MergeHoldout((0.9,)).mask(batch(0), shard=0, piece=0, number=0) is None
