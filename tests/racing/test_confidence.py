"""The rule by which candidates are dropped, on simulated searches."""

import numpy as np
import pytest

from petafit.racing.confidence import compare, half_width
from petafit.racing.losses import PairedLosses


def drops(random: np.random.Generator, *, rounds: int = 6, candidates: int = 16) -> bool:
    """Whether a simulated search drops its best candidate, at 5%.

    Losses have heavy tails and are shared to nine tenths; most candidates are as good as the best.
    """
    gaps = np.where(random.random(candidates) < 0.7, 0.0, random.exponential(0.02, candidates))
    gaps[random.integers(candidates)] = 0.0
    best, live = int(gaps.argmin()), np.ones(candidates, bool)
    for number in range(rounds):
        rows = 500 * 2**number
        losses = PairedLosses.none(candidates)
        for _ in range(4):  # looks at several times, as often as it likes
            shared = random.exponential(0.5, rows // 4)
            own = 0.1 * random.standard_t(5, (candidates, rows // 4))
            losses += PairedLosses.of(shared + own + gaps[:, None], None)
            found = compare(losses, alpha=0.05 / rounds, expected_rows=rows, live=live)
            live &= ~found.is_worse
            if not live[best]:
                return True
    return False


def test_the_best_candidate_is_rarely_dropped() -> None:
    wrong = sum(drops(np.random.default_rng(seed)) for seed in range(40))
    assert wrong <= 2


def test_candidates_that_are_worse_are_dropped() -> None:
    random = np.random.default_rng(0)
    gaps = np.array([0.0, 0.001, 0.05, 0.2])
    own = 0.1 * random.normal(size=(4, 20_000))
    losses = PairedLosses.of(random.exponential(0.5, 20_000) + own + gaps[:, None], None)
    found = compare(losses, alpha=0.05, expected_rows=20_000, live=np.ones(4, bool))
    assert found.leader == int(losses.means().argmin()) in (0, 1)
    assert found.is_worse.tolist() == [False, False, True, True]


def test_differences_are_those_of_the_rows_themselves() -> None:
    random = np.random.default_rng(1)
    losses, weight = random.exponential(size=(3, 900)), random.integers(0, 3, 900) * 1.0
    halves = [PairedLosses.of(losses[:, at], weight[at]) for at in (slice(0, 400), slice(400, 900))]
    total = halves[0] + halves[1]
    means, deviations = total.differences(1)
    z = (weight * (losses - losses[1]))[:, weight > 0]
    np.testing.assert_allclose(means, z.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(deviations, z.std(axis=1), atol=1e-7)
    np.testing.assert_allclose(total.means(), np.average(losses, axis=1, weights=weight))


def test_a_failed_candidate_never_leads() -> None:
    losses = PairedLosses.of(np.full((2, 1000), [[0.1], [0.2]]), None)
    found = compare(losses, alpha=0.05, expected_rows=1000, live=np.array([False, True]))
    assert found.leader == 1


def test_few_rows_drop_nothing() -> None:
    losses = PairedLosses.of(np.full((2, 100), [[0.1], [0.9]]), None)
    assert not compare(losses, alpha=0.05, expected_rows=100, live=np.ones(2, bool)).is_worse.any()


@pytest.mark.parametrize("rows", [100, 10_000, 1_000_000])
def test_an_interval_is_wider_than_that_of_one_fixed_time(rows: int) -> None:
    assert half_width(rows, 0.05, rows) > 1.96 / rows**0.5
    assert half_width(rows, 0.05, rows) < 4 / rows**0.5
