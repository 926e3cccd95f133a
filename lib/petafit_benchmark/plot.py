"""The speed-quality plot: rows per second against log-loss on the test rows."""

from collections.abc import Sequence
from functools import partial

from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Bbox

from petafit.report.svg import CARD, INK, OWN, PEER, SOFT, inline_svg
from petafit_benchmark import figures
from petafit_benchmark.results import Result

_LINE = 16
_RADIUS = 5.0
_GAP = _RADIUS + 4


def draw(
    results: Sequence[Result], *, limit: Result | None, best: float | None, name: str
) -> Markup:
    """Draw the contenders that have a log-loss; faster lies to the right, better above.

    Parameters
    ----------
    limit : Result or None
        Whose speed nobody can exceed: a vertical line.
    best : float or None
        The log-loss of the hidden model: a horizontal line.
    name : str
        Unique on the page.
    """
    shown = [r for r in results if r.ok and r.log_loss is not None and r.rows_per_second]
    if not shown:
        return Markup()
    fastest = max(shown, key=lambda result: _place(result)[0])
    closest = min(shown, key=lambda result: _place(result)[1])
    return inline_svg(
        partial(_draw, shown, limit, best),
        name=name,
        title="Rows per second against log-loss on the test rows, a dot for each contender",
        description=f"The fastest: {_figures(fastest)}. The best: {_figures(closest)}.",
        height=520,
    )


def _draw(
    shown: Sequence[Result], limit: Result | None, best: float | None, figure: Figure
) -> dict[Artist, str]:
    axes = figure.add_axes((0.075, 0.125, 0.9, 0.83))
    _scale(axes, shown, limit, best)
    if limit:
        speed = limit.rows_per_second or 1.0
        axes.axvline(speed, color=SOFT, linewidth=1, linestyle="--")
        at, over = (speed, 0.0), ("data", "axes fraction")
        axes.annotate(limit.title, at, (-6, 8), over, "offset points", ha="right", color=SOFT)
    if best is not None:
        axes.axhline(best, color=SOFT, linewidth=1, linestyle="--")
        at, over = (0.0, best), ("axes fraction", "data")
        title = "the best any model can do"
        axes.annotate(title, at, (6, -14), over, "offset points", color=SOFT)
    tooltips = {_dot(axes, result): _tooltip(result) for result in shown}
    _name(axes, shown)
    return tooltips


def _scale(axes: Axes, shown: Sequence[Result], limit: Result | None, best: float | None) -> None:
    speeds = [_place(result)[0] for result in (*shown, *([limit] if limit else ()))]
    losses = [_place(result)[1] for result in shown] + ([] if best is None else [best])
    margin = 0.06 * (max(losses) - min(losses)) or 0.01
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 1.6, max(speeds) * 1.6)
    axes.set_ylim(max(losses) + margin, min(losses) - margin)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda speed, _: figures.rate(speed))
    axes.set_xlabel("rows per second →")
    axes.set_ylabel("better log-loss →")


def _dot(axes: Axes, result: Result) -> Artist:
    """A dot, hollow where it learnt from a sample, over the interval of its log-loss."""
    colour = _colour(result)
    speed, loss = _place(result)
    if result.log_loss_ci:
        axes.plot([speed, speed], result.log_loss_ci, color=colour, alpha=0.55, clip_on=False)
    edge, face = (colour, CARD) if result.extrapolated else (CARD, colour)
    (dot,) = axes.plot(
        [speed], [loss], "o", markersize=2 * _RADIUS, color=face, markeredgecolor=edge, zorder=4
    )
    return dot


def _name(axes: Axes, shown: Sequence[Result]) -> None:
    """Write each contender's name as near to its dot as there is room, with a line to it."""
    dots = [axes.transData.transform(_place(result)) for result in shown]
    taken = [Bbox.from_bounds(x, y, 0, 0).padded(_RADIUS) for x, y in dots]
    for result, (x, y) in sorted(zip(shown, dots, strict=True), key=lambda pair: -pair[1][1]):
        name = _unplaced_name(axes, result)
        width = name.get_window_extent().width
        lefts = {"left": x + _GAP, "right": x - _GAP - width}
        fitting = {
            side: left
            for side, left in lefts.items()
            if axes.bbox.x0 <= left and left + width <= axes.bbox.x1
        }
        candidates = [
            (side, up, Bbox.from_bounds(left, y + up - _LINE / 2, width, _LINE))
            for up in sorted(range(-8 * _LINE, 9 * _LINE, _LINE), key=abs)
            for side, left in (fitting or lefts).items()
        ]
        side, up, box = min(candidates, key=lambda candidate: candidate[2].count_overlaps(taken))
        taken.append(box)
        name.set(ha=side, position=(_GAP if side == "left" else -_GAP, up))
        if name.arrow_patch:
            name.arrow_patch.set_visible(up != 0)


def _unplaced_name(axes: Axes, result: Result) -> Annotation:
    own = figures.is_own(result)
    return axes.annotate(
        result.title,
        _place(result),
        (0, 0),
        textcoords="offset points",
        va="center",
        color=OWN if own else INK,
        weight="bold" if own else "normal",
        arrowprops={"arrowstyle": "-", "color": SOFT, "shrinkA": 0, "shrinkB": 0},
    )


def _place(result: Result) -> tuple[float, float]:
    """Speed and log-loss."""
    return result.rows_per_second or 1.0, result.log_loss or 0.0


def _colour(result: Result) -> str:
    return OWN if figures.is_own(result) else PEER


def _tooltip(result: Result) -> str:
    return ", ".join(filter(None, (_figures(result), figures.remarks(result))))


def _figures(result: Result) -> str:
    return (
        f"{result.title}: {figures.rate(result.rows_per_second)} rows/s, "
        f"log-loss {figures.with_interval(result.log_loss, result.log_loss_ci)}"
    )
