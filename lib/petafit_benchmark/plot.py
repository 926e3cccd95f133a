"""The speed-quality plot: rows per second against log-loss on the test rows."""

from collections.abc import Sequence
from functools import partial

from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from petafit.report.svg import CARD, OWN, PEER, SOFT, PointName, inline_svg, name_points
from petafit_benchmark import formatting
from petafit_benchmark.results import Result


def draw(
    results: Sequence[Result], *, limit: Result | None, best: float | None, name: str
) -> Markup:
    """Draw the contenders that have a log-loss, faster to the right, better upwards.

    Parameters
    ----------
    limit : Result or None
        The upper limit of the speed: a vertical line.
    best : float or None
        The log-loss of the generator's own model: a horizontal line.
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
    name_points(axes, [PointName(r.title, _place(r), formatting.is_own(r)) for r in shown])
    return tooltips


def _scale(axes: Axes, shown: Sequence[Result], limit: Result | None, best: float | None) -> None:
    speeds = [_place(result)[0] for result in (*shown, *([limit] if limit else ()))]
    losses = [loss for r in shown for loss in (r.log_loss_ci or _place(r)[1:])]
    losses += [] if best is None else [best]
    margin = 0.06 * (max(losses) - min(losses)) or 0.01
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 1.6, max(speeds) * 1.6)
    axes.set_ylim(max(losses) + margin, min(losses) - margin)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda speed, _: formatting.rate(speed))
    axes.set_xlabel("rows per second →")
    axes.set_ylabel("better log-loss →")


def _dot(axes: Axes, result: Result) -> Artist:
    """A dot with the interval of the log-loss, hollow for a sample of the rows."""
    colour = OWN if formatting.is_own(result) else PEER
    speed, loss = _place(result)
    if result.log_loss_ci:
        axes.plot([speed, speed], result.log_loss_ci, color=colour, alpha=0.55)
    edge, face = (colour, CARD) if result.extrapolated else (CARD, colour)
    (dot,) = axes.plot(speed, loss, "o", markersize=10, color=face, markeredgecolor=edge, zorder=4)
    return dot


def _place(result: Result) -> tuple[float, float]:
    """Speed and log-loss."""
    return result.rows_per_second or 1.0, result.log_loss or 0.0


def _tooltip(result: Result) -> str:
    return ", ".join(filter(None, (_figures(result), formatting.remarks(result))))


def _figures(result: Result) -> str:
    return (
        f"{result.title}: {formatting.rate(result.rows_per_second)} rows/s, "
        f"log-loss {formatting.with_interval(result.log_loss, result.log_loss_ci)}"
    )
