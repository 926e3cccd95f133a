"""The gain of cells: laws of its sums, an independent computation, and what it finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.suggestion.gains import Gain, ResidualSums

CELLS = 5
rows = st.lists(
    st.tuples(st.integers(0, CELLS - 1), st.booleans(), st.floats(-1, 1), st.floats(0.01, 0.25)),
    max_size=30,
)


def sums(rows: list[tuple[int, bool, float, float]]) -> ResidualSums:
    cells, half, slope, curvature = (
        np.array([row[i] for row in rows], kind)
        for i, kind in enumerate((np.int64, np.bool_, np.float64, np.float64))
    )
    return ResidualSums.of(cells, half, slope[:, None], curvature[:, None], CELLS)


@given(rows, rows, rows)
def test_sums_merge_to_those_of_all_rows_in_any_order(first, second, third) -> None:  # type: ignore[no-untyped-def]
    together = sums([*first, *second, *third])
    for merged in (
        sums(first).merge(sums(second)).merge(sums(third)),
        sums(third).merge(sums(first).merge(sums(second))),
    ):
        assert merged.rows == together.rows
        np.testing.assert_allclose(merged.slope, together.slope, atol=1e-9)
        assert merged.gain().per_row == pytest.approx(together.gain().per_row, abs=1e-9)


@given(rows)
def test_the_gain_is_that_of_each_half_by_the_others_steps(given_rows) -> None:  # type: ignore[no-untyped-def]
    total = variance = 0.0
    for cell in range(CELLS):
        for half in (False, True):
            own = [row for row in given_rows if row[0] == cell and row[1] == half]
            others = [row for row in given_rows if row[0] == cell and row[1] != half]
            step = sum(row[2] for row in others) / (sum(row[3] for row in others) + 1.0)
            total += step * sum(row[2] for row in own)
            total -= step**2 / 2 * sum(row[3] for row in own)
            variance += step**2 * sum(row[3] for row in own)
    gain = sums(given_rows).gain()
    assert gain.per_row * max(1, len(given_rows)) == pytest.approx(total, abs=1e-9)
    assert (gain.error * max(1, len(given_rows))) ** 2 == pytest.approx(variance, abs=1e-9)


@given(rows)
def test_an_empty_shard_changes_nothing(given_rows) -> None:  # type: ignore[no-untyped-def]
    assert sums(given_rows).merge(sums([])).gain() == sums(given_rows).gain()


def test_cells_by_chance_gain_nothing_and_cells_that_tell_gain_their_information() -> None:
    random = np.random.default_rng(0)
    n, false = 20_000, 0
    for _ in range(40):
        y = random.random(n) < 0.3
        half, cells = random.random(n) < 0.5, random.integers(0, 50, n)
        slope, curvature = (y - y.mean())[:, None], np.full((n, 1), y.mean() * (1 - y.mean()))
        false += ResidualSums.of(cells, half, slope, curvature, 50).gain().exceeds()
    assert false <= 4  # of 40 at 5%
    p = np.array([0.25, 0.35])[random.integers(0, 2, n)]
    y = random.random(n) < p
    slope, curvature = (y - y.mean())[:, None], np.full((n, 1), y.mean() * (1 - y.mean()))
    gain = ResidualSums.of((p > 0.3).astype(int), half, slope, curvature, 2).gain()
    entropy = [-(q * np.log(q) + (1 - q) * np.log(1 - q)) for q in (0.3, 0.25, 0.35)]
    information = entropy[0] - (entropy[1] + entropy[2]) / 2
    assert gain.exceeds(tests=100)
    assert gain.per_row == pytest.approx(information, abs=3 * gain.error)


def test_a_gain_below_zero_of_a_part_is_not_added() -> None:
    assert Gain(3.0, 3.0).minus(Gain(1.0, 4.0), Gain(-5.0, 0.0)) == Gain(2.0, 5.0)
