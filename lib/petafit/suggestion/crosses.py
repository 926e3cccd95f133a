"""Pairs of categories worth crossing, by what they gain over their main effects."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from petafit.suggestion.fields import ColumnCells
from petafit.suggestion.gains import Gain
from petafit.suggestion.residuals import Residuals

_MOST_CELLS = 1 << 18
_MOST_SUMS = 1 << 23


class CrossGain(NamedTuple):
    """A pair of features and its gain."""

    names: tuple[str, str]
    gain: Gain


def best_crosses(
    fields: Sequence[ColumnCells], residuals: Residuals, *, most: int = 10
) -> list[CrossGain]:
    """Return the pairs of fields whose cross surely gains, the best first.

    What either field gains by itself is taken off: that is no interaction. Pairs of more than
    262,144 cells are left out: no sample tells of them.

    Parameters
    ----------
    residuals : Residuals
        Of a model of these fields.
    """
    outputs = residuals.slope.shape[1]
    most_cells = min(_MOST_CELLS, _MOST_SUMS // outputs)
    alone = [residuals.gain(field.cells, field.n_cells) for field in fields]
    found: list[CrossGain] = []
    pairs = [
        (i, j)
        for i, j in combinations(range(len(fields)), 2)
        if fields[i].n_cells * fields[j].n_cells <= most_cells
    ]
    for i, j in pairs:
        cross = fields[i].cross(fields[j])
        gain = residuals.gain(cross.cells, cross.n_cells).minus(alone[i], alone[j])
        if gain.exceeds(tests=len(pairs)):
            found.append(CrossGain((fields[i].name, fields[j].name), gain))
    return sorted(found, key=lambda each: (-each.gain.per_row, each.names))[:most]
