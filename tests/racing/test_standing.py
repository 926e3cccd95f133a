"""Rounds drop candidates that are worse and do not catch up."""

import numpy as np

from petafit.racing.losses import PairedLosses
from petafit.racing.race import RaceResult
from petafit.racing.standing import Standing, after_round, best
from petafit.store.arrays import StateDict

NAMES = ["first", "second", "third"]


def played(standings: list[Standing], gaps: list[float], left: int) -> list[Standing]:
    """A round after which the candidates' losses differ by these."""
    random = np.random.default_rng(len(gaps) + left)
    losses = random.exponential(0.5, 5000) + 0.01 * random.normal(size=(3, 5000))
    sums = PairedLosses.of(losses + np.array(gaps)[:, None], None)
    result = RaceResult(StateDict(), sums, {})
    return after_round(standings, result, order=NAMES, alpha=0.01, rounds=left)


def test_the_first_round_drops_nobody_and_the_next_those_that_are_worse() -> None:
    first = played([Standing(name) for name in NAMES], [0.0, 0.1, 0.2], 2)
    assert [each.is_live for each in first] == [True, True, True]
    second = played(first, [0.0, 0.1, 0.2], 1)
    assert [each.dropped_at for each in second] == [None, 10_000, 10_000]
    assert best(second) == second[0]
    assert second[1].low is not None
    assert second[1].low > 0


def test_a_candidate_that_catches_up_stays() -> None:
    first = played([Standing(name) for name in NAMES], [0.0, 0.1, 0.2], 2)
    second = played(first, [0.0, 0.1, 0.08], 1)
    assert [each.is_live for each in second] == [True, False, True]
    last = played([second[0], second[1], second[2]], [0.0, 0.1, 0.05], 0)
    assert not last[2].is_live


def test_a_failed_candidate_is_out_and_never_the_best() -> None:
    sums = PairedLosses.of(np.full((3, 1000), [[0.1], [0.2], [0.3]]), None)
    result = RaceResult(StateDict(), sums, {"first": "it diverged"})
    standings = after_round(
        [Standing(name) for name in NAMES], result, order=NAMES, alpha=0.01, rounds=1
    )
    found = best(standings)
    assert found is not None
    assert found.name == "second"
    assert (standings[0].error, standings[0].is_live) == ("it diverged", False)
