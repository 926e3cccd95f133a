"""Labels as the losses take them, and the weights of classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.learners.online.csr import UNWEIGHTED
from petafit.learners.online.targets import ClassTarget, NumberTarget, class_weights


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.0, 2.5])), max_size=30),
    st.integers(0, 30),
)
def test_balanced_weights_follow_the_weights_seen(
    labelled: list[tuple[int, float]], cut: int
) -> None:
    y, weight = np.array(labelled, np.float64).reshape(-1, 2).T
    target = ClassTarget("log", 3, "balanced")
    seen, found = target.no_rows(), []
    for part in (slice(None, cut), slice(cut, None)):
        found.extend(target.weigh(y[part], weight[part], seen))
        seen = target.count(y[part], weight[part], seen)
    counts, expected = [1, 1, 1], []
    for label, own in labelled:
        counts[label] += own
        expected.append(own * sum(counts) / (3 * counts[label]))
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(seen + 1, counts)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30))
def test_a_row_of_weight_3_balances_as_three_rows_do(labelled: list[tuple[int, int]]) -> None:
    y, times = np.array(labelled, np.int64).reshape(-1, 2).T
    target = ClassTarget("log", 3, "balanced")
    begun = target.no_rows()
    weighted = target.count(y.astype(float), times.astype(float), begun)
    repeated = target.count(np.repeat(y, times).astype(float), UNWEIGHTED, begun)
    np.testing.assert_array_equal(weighted, repeated)
    every = np.arange(3.0)
    np.testing.assert_array_equal(
        target.weigh(every, UNWEIGHTED, weighted), target.weigh(every, UNWEIGHTED, repeated)
    )
    if times.any():
        last = np.flatnonzero(times)[-1]
        one_by_one = target.weigh(np.repeat(y, times).astype(float), UNWEIGHTED, begun)
        in_one = target.weigh(y.astype(float), times.astype(float), begun)[last] / times[last]
        np.testing.assert_allclose(in_one, one_by_one[-1])


def test_rows_that_all_weigh_one_need_no_weights() -> None:
    y = np.array([0.0, 1.0, 1.0])
    assert ClassTarget("log", 2).weigh(y, UNWEIGHTED, np.zeros(2)) is UNWEIGHTED
    weighted = ClassTarget("log", 2, np.array([3.0, 0.5]))
    np.testing.assert_array_equal(weighted.weigh(y, UNWEIGHTED, np.zeros(2)), [3, 0.5, 0.5])
    np.testing.assert_array_equal(weighted.weigh(y, y * 2, np.zeros(2)), [0, 1, 1])


def test_classes_are_weighted_by_name_or_by_count() -> None:
    counts = np.array([30.0, 10.0])
    assert class_weights(None, ("a", "b"), counts) is None
    np.testing.assert_allclose(class_weights("balanced", ("a", "b"), counts), [40 / 60, 40 / 20])
    np.testing.assert_array_equal(class_weights({"b": 5.0}, ("a", "b"), counts), [1, 5])


@pytest.mark.parametrize(
    ("loss", "mean", "sd", "encoded"),
    [
        ("squared", 100.0, 4.0, (108.0, 2.0)),
        ("quantile", -100.0, 0.0, (-50.0, 0.5)),
        ("squared", 0.0, 0.0, (3.0, 3.0)),
        ("poisson", 20.0, 9.0, (40.0, 2.0)),
        ("poisson", 0.2, 9.0, (40.0, 40.0)),
    ],
)
def test_numbers_are_standardised(
    loss: str, mean: float, sd: float, encoded: tuple[float, float]
) -> None:
    target = NumberTarget.of(loss, mean=mean, sd=sd)
    label, expected = encoded
    assert target.encode(np.array([label])) == [expected]
    margin = np.log(expected) if loss == "poisson" else expected
    np.testing.assert_allclose(target.decode(np.array([margin])), label)


def test_poisson_begins_with_the_mean() -> None:
    for mean in (0.2, 1.0, 20.0):
        target = NumberTarget.of("poisson", mean=mean, sd=1.0)
        np.testing.assert_allclose(target.decode(np.array([target.start])), mean)
    assert NumberTarget.of("poisson", mean=0.0, sd=0.0).start == 0


def test_the_heaviest_class_weighs_8_and_others_beside_it_as_before() -> None:
    y, alone = np.array([0.0, 1.0, 1.0]), np.empty(0)
    target = ClassTarget("log", 2, np.array([0.5, 5000.0]))
    found = target.weigh(y, alone, target.no_rows())
    np.testing.assert_allclose(found, [0.5 * 8 / 5000, 8, 8])
    assert target.unit == 8 / 5000
    assert ClassTarget("log", 2, np.array([0.5, 7.0])).unit == 1
    seen = ClassTarget("log", 2, "balanced").weigh(y, alone, np.array([99_999.0, 9.0]))
    assert seen[1] == 8
    np.testing.assert_allclose(seen[1] / seen[0], 100_001 / 10)


def test_steep_counts_keep_their_unit_and_even_ones_that_of_their_mean() -> None:
    even, steep = (NumberTarget.of("poisson", mean=100.0, sd=sd) for sd in (10.0, 5000.0))
    assert (even.unit, steep.unit) == (1, 100)
    np.testing.assert_array_equal(steep.weigh(np.zeros(2), np.empty(0), np.zeros(1)), [100, 100])
    assert NumberTarget.of("squared", mean=5.0, sd=500.0).unit == 1
