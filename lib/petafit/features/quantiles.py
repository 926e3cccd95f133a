"""A mergeable sketch of a column's distribution, and quantile bins of it."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from petafit.features.cells import CellSums

CELLS_PER_BIN = 128
_FEWEST_CELLS = 4096
_SIGN = np.int64(2**63 - 1)
_SLACK = 1e-9  # sums of weights in another order differ in their last bits


def cells_for(bins: int) -> int:
    """Return the limit of a sketch's cells from which this number of bins is made."""
    return max(_FEWEST_CELLS, CELLS_PER_BIN * bins)


@dataclass(frozen=True, slots=True)
class QuantileSketch(CellSums):
    """The weight of each cell of a grid over float64, as fine as the limit of cells allows.

    The bits of floats, read as integers, are in the order of the floats, once those of negative
    ones are flipped. A cell of level l spans a share of at most ``2**(l - 52)`` of its values.
    Sketches with a guarantee in ranks do not merge exactly, as this one does: KLL and REQ draw
    random numbers, and t-digests and q-digests depend on the order of merges.

    In return the guarantee is one in values. A quantile lies in the cell that the sketch gives for
    it, and its error in rank is at most the weight of this cell. Up to `limit` distinct values
    there is none. Where values cover D powers of two, each is cut into ``limit / (2 D)`` cells or
    more: a normal distribution of 100 million rows covers about 30 on either side of 0, and 4096
    cells give its quantiles to 1% of the rows. Outliers over hundreds of powers of two can crowd
    the other values into few cells; such columns are better clipped.
    """

    def of_more(self, values: np.ndarray, weight: np.ndarray | None = None) -> Self:
        """Return the sketch of further values, float64 with NaN as missing, to be merged with it.

        Parameters
        ----------
        weight : ndarray of float64, shape (n_rows,), optional
            The rows' weights, all above 0.
        """
        known = ~np.isnan(values)
        if not known.all():
            values, weight = values[known], None if weight is None else weight[known]
        return self.of_rows(_ordered_integers(values), None if weight is None else weight[:, None])

    def edges(self, bins: int) -> tuple[float, ...]:
        """Return cut points between at most `bins` bins of about equal weight, in ascending order.

        A value at an edge belongs to the bin above. A cell that outweighs a bin, like the zeros of
        most counts, ends a bin, and the others share the remaining bins. Infinite values are in the
        first and the last bin. As in ``GreedyFindBin`` of LightGBM.
        """
        starts = _bin_starts(self.sums[:, 0].astype(np.float64), bins)
        bounds = _floats(self.cells[starts] << np.int64(self.level))
        return tuple(bounds[np.isfinite(bounds)].tolist())


def _ordered_integers(values: np.ndarray) -> np.ndarray:
    """Return the bits of float64 as int64 in the order of the floats; -0.0 is 0.0."""
    bits = (values + 0.0).view(np.int64)
    return bits ^ ((bits >> np.int64(63)) & _SIGN)


def _floats(ordered: np.ndarray) -> np.ndarray:
    """Invert `_ordered_integers`."""
    return (ordered ^ ((ordered >> np.int64(63)) & _SIGN)).view(np.float64)


def _bin_starts(weights: np.ndarray, bins: int) -> list[int]:
    """Return the position of each bin's first cell but the first bin's."""
    full = weights.sum() / bins * (1 - _SLACK)
    heavy = weights >= full
    free, rest = bins - int(heavy.sum()), float(weights[~heavy].sum())
    size = rest / max(free, 1) * (1 - _SLACK)
    starts, filled = [], 0.0
    for at in range(len(weights) - 1):
        filled += weights[at]
        rest -= 0.0 if heavy[at] else weights[at]
        following = 0.5 * (size if heavy[at + 1] else weights[at + 1])
        if heavy[at] or filled + following >= size:  # the nearest to `size`
            starts.append(at + 1)
            filled = 0.0
            if not heavy[at]:
                free -= 1
                size = rest / max(free, 1) * (1 - _SLACK)
    return starts[: bins - 1]
