import math
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import KBinsDiscretizer

from petafit.features.quantiles import QuantileSketch, cells_for
from petafit.store.arrays import StateDict, from_bytes, to_bytes

LIMIT = 8
NUMBERS = st.floats(-100, 100) | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 5e-324, -1e308])
SHARD = st.lists(st.lists(NUMBERS, max_size=12).map(np.array), max_size=3)


def sketch(batches, limit=LIMIT, weights=None):
    made = QuantileSketch.empty(limit, weighted=weights is not None)
    for at, values in enumerate(batches):
        weight = None if weights is None else weights[at]
        made = made.merge(made.of_more(np.asarray(values, float), weight))
    return made


def stored(made):
    return to_bytes(StateDict(made.to_arrays("x")))


class TestLaws:
    @settings(deadline=None)
    @given(shards=st.lists(SHARD, min_size=3, max_size=3))
    def test_any_order_and_any_shards_give_the_same_bytes(self, shards):
        a, b, c = map(sketch, shards)
        expected = stored(a.merge(b).merge(c))
        assert stored(a.merge(b.merge(c))) == expected
        assert stored(c.merge(a).merge(b)) == expected
        rows = np.concatenate([np.empty(0), *(batch for shard in shards for batch in shard)])
        assert stored(sketch([rows])) == expected
        assert stored(sketch([[row] for row in rows[::-1]])) == expected

    @given(shard=SHARD)
    def test_an_empty_shard_changes_no_bit(self, shard):
        some, none = sketch(shard), sketch([[math.nan]])
        assert stored(some.merge(none)) == stored(some) == stored(none.merge(some))

    @given(before=SHARD, after=SHARD)
    def test_a_stored_sketch_continues_to_the_same_bytes(self, before, after):
        made = sketch(before)
        named = from_bytes(stored(made))
        again = QuantileSketch.from_state_dict(named, "x", LIMIT)
        for values in after:
            made, again = (each.merge(each.of_more(values)) for each in (made, again))
        assert stored(again) == stored(made)

    @settings(deadline=None)
    @given(values=st.lists(NUMBERS, max_size=60).map(np.array), bins=st.integers(2, 9))
    def test_bins_are_as_many_as_allowed_and_none_is_empty(self, values, bins):
        edges = sketch([values]).edges(bins)
        finite = values[np.isfinite(values)]
        assert len(edges) < bins
        assert list(edges) == sorted(set(edges))
        found = np.bincount(np.searchsorted(edges, values[~np.isnan(values)], side="right"))
        assert not len(finite) or (np.diff(np.searchsorted(np.sort(finite), edges)) > 0).all()
        assert len(found) <= len(edges) + 1

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.floats(-9, 9), st.integers(1, 4)), min_size=1, max_size=40))
    def test_a_row_of_weight_n_counts_as_n_rows(self, rows):
        values, times = map(np.array, zip(*rows, strict=True))
        weighted = sketch([values], weights=[times.astype(float)])
        repeated = sketch([np.repeat(values, times)])
        np.testing.assert_array_equal(weighted.cells, repeated.cells)
        np.testing.assert_array_equal(weighted.sums, repeated.sums)
        assert weighted.edges(4) == repeated.edges(4)


RNG = np.random.default_rng(0)
ROWS = 200_000
DISTRIBUTIONS = {
    "normal": RNG.normal(size=ROWS),
    "heavy tails": RNG.standard_cauchy(ROWS),
    "lognormal": np.exp(3 * RNG.normal(size=ROWS)),
    "seconds since 1970": 1.7e9 + 1e7 * RNG.random(ROWS),
    "far from zero": 1e9 + 1e3 * RNG.normal(size=ROWS),
}


@pytest.mark.parametrize("bins", [5, 32, 256])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_edges_are_quantiles_to_the_stated_error(name, bins):
    values = DISTRIBUTIONS[name]
    made = sketch(np.array_split(values, 7), cells_for(bins))
    edges, error = np.array(made.edges(bins)), made.sums.max() / ROWS
    assert error < 0.01
    assert len(edges) == bins - 1
    ranks = np.searchsorted(np.sort(values), edges) / ROWS
    np.testing.assert_allclose(ranks, np.arange(1, bins) / bins, atol=3 * error)
    shares = np.bincount(np.searchsorted(edges, values, side="right")) / ROWS
    np.testing.assert_allclose(shares, 1 / bins, atol=2 * error)


def test_edges_are_those_of_scikit_learn_where_each_value_has_a_cell():
    values = RNG.permutation(4000).astype(float)
    edges = sketch([values], cells_for(32)).edges(16)
    binning = KBinsDiscretizer(16, encode="ordinal", strategy="quantile", subsample=None)
    expected = binning.fit_transform(values[:, None])[:, 0]
    np.testing.assert_array_equal(np.searchsorted(edges, values, side="right"), expected)


def test_few_values_have_a_bin_each():
    values = np.array([3.0, -1.0, 3.0, 7.5, math.nan, -0.0, 0.0])
    assert sketch([values]).edges(32) == (0.0, 3.0, 7.5)
    assert sketch([[5.0] * 9]).edges(32) == ()
    assert sketch([[math.nan]]).edges(32) == sketch([]).edges(32) == ()


def test_a_frequent_value_has_its_own_bin_and_the_others_share_the_rest():
    """The zeros of most counts would take all bins but one of plain quantiles."""
    values = np.where(RNG.random(ROWS) < 0.95, 0.0, RNG.exponential(size=ROWS))
    edges = sketch([values], cells_for(32)).edges(32)
    shares = np.bincount(np.searchsorted(edges, values, side="right")) / ROWS
    assert len(shares) == 32
    assert (values < edges[0]).sum() == (values == 0).sum()
    np.testing.assert_allclose(shares[1:], (values > 0).mean() / 31, rtol=0.15)


def test_infinite_values_are_in_the_bins_at_the_ends():
    values = np.array([-math.inf, -1.0, 0.0, 1.0, math.inf])
    edges = sketch([values]).edges(32)
    assert edges == (-1.0, 0.0, 1.0)
    assert np.searchsorted(edges, values, side="right").tolist() == [0, 1, 2, 3, 3]
    wide = np.concatenate([RNG.normal(size=100), [math.inf, -math.inf, 1.7e308]])
    assert np.isfinite(sketch([wide]).edges(8)).all()


def test_the_level_falls_to_the_finest_that_the_limit_allows():
    values = 1024 + np.arange(16.0)
    made = sketch([values])
    assert len(made.cells) == LIMIT
    assert reduce(QuantileSketch.merge, [sketch([[value]]) for value in values]).level == made.level
    assert sketch([values[:8]]).level == 0
