"""Names of points on a plot, each where there is room."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from petafit.report.svg import INK, OWN, SOFT

_LINE, _RADIUS, _GAP = 16, 5, 9


class PointName(NamedTuple):
    """A point, in the axes' own values, and its name; `own` ones stand out."""

    text: str
    point: tuple[float, float]
    own: bool = False


def name_points(
    axes: Axes, names: Sequence[PointName], *, sides: Sequence[str] = ("right", "left")
) -> None:
    """Write names beside their points, or near by with a line to it where others are in the way.

    Limits and scales of the axes must be set before.
    """
    places = [axes.transData.transform(name.point) for name in names]
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(_RADIUS) for x, y in places]
    page = axes.bbox.x0, axes.figure.bbox.x1
    for name, (x, y) in sorted(zip(names, places, strict=True), key=lambda pair: -pair[1][1]):
        weight = "bold" if name.own else "normal"
        width = _width(axes, name.text, weight)
        lefts = {"right": x + _GAP, "left": x - _GAP - width}
        fits = [s for s in sides if page[0] <= lefts[s] and lefts[s] + width <= page[1]]
        candidates = [
            (side, up, Bbox.from_bounds(lefts[side], y + up - _LINE / 2, width, _LINE))
            for up in sorted(range(-8 * _LINE, 9 * _LINE, _LINE), key=abs)
            for side in fits or sides
        ]
        side, up, box = min(candidates, key=lambda candidate: candidate[2].count_overlaps(taken))
        taken.append(box)
        left_end = side == "right"
        line = {"arrowstyle": "-", "color": SOFT, "relpos": (1 - left_end, 0.5), "shrinkB": 0}
        axes.annotate(
            name.text,
            name.point,
            (_GAP if left_end else -_GAP, up),
            textcoords="offset points",
            ha="left" if left_end else "right",
            va="center",
            color=OWN if name.own else INK,
            weight=weight,
            arrowprops=line if up else None,
        )


def _width(axes: Axes, text: str, weight: str) -> float:
    """The width of a text in the plot's font, in pixels."""
    measured = axes.text(0, 0, text, weight=weight)
    width = measured.get_window_extent().width
    measured.remove()
    return width
