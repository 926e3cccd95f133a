"""The rule that drops candidates: confidence sequences on differences of paired losses.

Notes
-----
Let d_i be the difference of the losses of two candidates in row i, each predicted before the row
is learnt from, with running mean m and deviation s over t rows. The asymptotic confidence sequence

    m +- s sqrt(2 (t rho^2 + 1) / (t^2 rho^2) log(sqrt(t rho^2 + 1) / alpha))

holds for all t at once with probability 1 - alpha, for the running mean of the conditional
expectations of d_i, whatever these are and however they change while models learn (Robbins'
normal mixture; Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas: Time-uniform central limit theory
and asymptotic confidence sequences. Annals of Statistics 52, 2024, theorem 2.2 and section 2.4). It
assumes that d_i have more than two moments, and t that is not small. rho makes the interval
tightest after a given number of rows (their section 2.3).

A search drops a candidate where the interval of its difference to some other one lies above zero.
The best of C candidates is dropped only if one of C - 1 sequences fails, so each has
alpha / (C - 1): Bonferroni over candidates. A search of R rounds counts each round's rows anew,
since models differ from those of the last round, and gives each round alpha / R.
"""

import math
from dataclasses import dataclass

import numpy as np

from petafit.racing.losses import PairedLosses

FEWEST_ROWS = 500
"""With fewer rows of a round nothing is dropped: the sequence is asymptotic."""


@dataclass(frozen=True)
class Comparison:
    """Candidates against the leader: the one of the least mean loss, or a given one.

    Attributes
    ----------
    leader : int
    losses : ndarray of shape (n_candidates,)
        Mean losses.
    differences, widths : ndarray of shape (n_candidates,)
        Mean loss less the leader's, and half the width of its confidence interval.
    """

    leader: int
    losses: np.ndarray
    differences: np.ndarray
    widths: np.ndarray

    @property
    def is_worse(self) -> np.ndarray:
        """Return which candidates are worse than the leader, bool (n_candidates,)."""
        return self.differences > self.widths


def compare(
    losses: PairedLosses,
    *,
    alpha: float,
    expected_rows: int,
    live: np.ndarray,
    reference: int | None = None,
) -> Comparison:
    """Compare candidates with the best of them, or with a given one.

    Parameters
    ----------
    alpha : float
        The probability that any candidate that is not worse is found to be worse than another.
    expected_rows : int
        Rows for which intervals are to be tightest.
    live : ndarray of bool, shape (n_candidates,)
        Candidates that have not failed.
    reference : int, optional
        The candidate to compare with.
    """
    means = np.where(live, losses.means(), np.inf)
    leader = int(means.argmin()) if reference is None else reference
    differences, deviations = losses.differences(leader)
    others = max(int(live.sum()) - 1, 1)
    widths = deviations * half_width(losses.rows, alpha / others, expected_rows)
    if losses.rows < FEWEST_ROWS:
        widths = np.full(len(means), np.inf)
    per_weight = losses.rows / losses.weight if losses.weight else 1.0
    return Comparison(leader, means, differences * per_weight, widths * per_weight)


def half_width(rows: int, alpha: float, expected_rows: int) -> float:
    """Return half the width of the confidence sequence after some rows, in deviations.

    Examples
    --------
    >>> round(half_width(10_000, 0.05, 10_000) * 10_000**0.5, 2)  # 1.96 for one fixed time
    3.04
    """
    if not rows:
        return math.inf
    log = -2 * math.log(alpha)
    rho2 = (log + math.log(log + 1)) / max(expected_rows, 1)
    t = rows * rho2
    return math.sqrt(2 * (t + 1) / (rows * t) * math.log(math.sqrt(t + 1) / alpha))
