"""The standing of each candidate, and the rule by which rounds drop some."""

from dataclasses import dataclass, replace

import numpy as np

from petafit.racing.confidence import Comparison, compare
from petafit.racing.race import RaceResult


@dataclass(frozen=True)
class Standing:
    """A candidate's progress in a search.

    Attributes
    ----------
    name : str
    rows : int
        Rows that it has learnt from.
    loss : float or None
        Progressive mean loss of its last round.
    difference, low, high : float or None
        Loss less the leader's in that round, and its confidence interval.
    before : float or None
        The difference of the round before.
    dropped_at : int or None
        Rows after which it was dropped; None: it was not.
    error : str or None
        Why it failed.
    curve : tuple of (int, float)
        Rows, and the mean loss of the round that ended there.
    """

    name: str
    rows: int = 0
    loss: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    before: float | None = None
    dropped_at: int | None = None
    error: str | None = None
    curve: tuple[tuple[int, float], ...] = ()

    @property
    def is_live(self) -> bool:
        """Return whether it takes part in the next round."""
        return self.dropped_at is None and self.error is None


def after_round(
    standings: list[Standing],
    result: RaceResult,
    *,
    order: list[str],
    alpha: float,
    rounds: int,
    reference: str | None = None,
) -> list[Standing]:
    """Return the standings after a round, whose race had the candidates in this order.

    A candidate that is worse than the leader stays as long as it catches up: where its difference
    has fallen since the last round so much that, if it went on like this for as many rounds as are
    left, it would lead. The first round cannot tell, and drops nobody.

    Parameters
    ----------
    alpha : float
        The probability of a wrong drop in this round.
    rounds : int
        Rounds that are left.
    reference : str, optional
        The candidate to compare with, instead of the leader.
    """
    live = np.array([name not in result.failed for name in order])
    place = {name: at for at, name in enumerate(order)}
    found = compare(
        result.losses,
        alpha=alpha,
        expected_rows=result.losses.rows,
        live=live,
        reference=None if reference is None else place[reference],
    )
    return [
        _after(each, result, found, place[each.name], rounds) if each.name in place else each
        for each in standings
    ]


def _after(each: Standing, result: RaceResult, found: Comparison, at: int, rounds: int) -> Standing:
    rows = each.rows + result.losses.rows
    if each.name in result.failed:
        return replace(each, rows=rows, error=result.failed[each.name])
    difference, width = float(found.differences[at]), float(found.widths[at])
    last = each.difference
    catches_up = last is None or difference + rounds * (difference - last) < 0
    is_worse = at != found.leader and bool(found.is_worse[at])
    finite = np.isfinite(width)
    return replace(
        each,
        rows=rows,
        loss=float(found.losses[at]),
        difference=difference,
        low=difference - width if finite else None,
        high=difference + width if finite else None,
        before=last,
        dropped_at=rows if is_worse and not catches_up else None,
        curve=(*each.curve, (rows, float(found.losses[at]))),
    )


def best(standings: list[Standing]) -> Standing | None:
    """Return the live candidate of the least loss in the last round; None: all have failed."""
    live = [each for each in standings if each.is_live and each.loss is not None]
    return min(live, key=lambda each: (each.loss, each.name), default=None)
