"""The speed-quality plot: rows per second against log-loss on the test rows, as SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from petafit_benchmark import figures
from petafit_benchmark.results import Result
from petafit_benchmark.scales import Box, Linear, Logarithmic, place
from petafit_benchmark.svg import line, picture, text

_WIDTH, _HEIGHT = 960, 520
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 24, 64
_LETTER, _LINE = 6.6, 16.0
_RADIUS = 5.0


@dataclass(frozen=True)
class _Dot:
    """A contender on the plot: where it is, and how far its interval reaches."""

    result: Result
    x: float
    y: float
    top: float
    bottom: float

    @property
    def box(self) -> Box:
        return Box(self.x - _RADIUS, self.y - _RADIUS, self.x + _RADIUS, self.y + _RADIUS)


def draw(results: Sequence[Result], *, limit: Result | None, best: float | None) -> str:
    """Draw the contenders that have a log-loss; faster lies to the right, better above.

    Parameters
    ----------
    limit : Result or None
        Whose speed nobody can exceed: a vertical line.
    best : float or None
        The log-loss of the hidden model: a horizontal line, where it is near enough to be shown.
    """
    shown = [r for r in results if r.ok and r.log_loss is not None and r.rows_per_second]
    if not shown:
        return ""
    speeds = [r.rows_per_second or 0.0 for r in (*shown, *([limit] if limit else ()))]
    losses = [r.log_loss or 0.0 for r in shown] + ([] if best is None else [best])
    margin = 0.06 * (max(losses) - min(losses)) or 0.01
    x = Logarithmic(min(speeds) / 1.6, max(speeds) * 1.6, _LEFT, _WIDTH - _RIGHT)
    y = Linear(min(losses) - margin, max(losses) + margin, _TOP, _HEIGHT - _BOTTOM)
    dots = [_dot(result, x, y) for result in shown]
    parts = (*_axes(x, y), *_lines(x, y, limit, best), *_dots(dots))
    label = "Rows per second against log-loss on the test rows, a dot for each contender"
    return picture(parts, width=_WIDTH, height=_HEIGHT, label=label)


def _dot(result: Result, x: Logarithmic, y: Linear) -> _Dot:
    loss = result.log_loss or 0.0
    low, high = result.log_loss_ci or (loss, loss)
    return _Dot(result, x(result.rows_per_second or 1.0), y(loss), y(low), y(high))


def _axes(x: Logarithmic, y: Linear) -> Iterator[str]:
    """Grid, ticks and titles."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for tick in x.ticks():
        at = x(tick)
        yield line("grid", (at, _TOP), (at, bottom))
        yield text(at, bottom + 20, figures.rate(tick), "tick", "middle")
    for tick in y.ticks():
        at = y(tick)
        yield line("grid", (_LEFT, at), (right, at))
        yield text(_LEFT - 10, at + 4, f"{tick:g}", "tick", "end")
    yield text((_LEFT + right) / 2, _HEIGHT - 14, "rows per second →", "axis", "middle")
    yield (
        f'<text class="axis" text-anchor="middle" transform="translate(18 '
        f'{(_TOP + bottom) / 2:.0f}) rotate(-90)">better log-loss →</text>'
    )


def _lines(x: Logarithmic, y: Linear, limit: Result | None, best: float | None) -> Iterator[str]:
    """What cannot be exceeded."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    if limit:
        at = x(limit.rows_per_second or 1.0)
        yield line("limit", (at, _TOP), (at, bottom))
        yield text(at - 6, bottom - 8, limit.title, "note", "end")
    if best is not None:
        at = y(best)
        yield line("limit", (_LEFT, at), (right, at))
        yield text(_LEFT + 6, at + 14, "the best any model can do", "note", "start")


def _dots(dots: Sequence[_Dot]) -> Iterator[str]:
    """Dots with their intervals, and each one's name where there is room."""
    taken = [dot.box for dot in dots]
    for dot in sorted(dots, key=lambda dot: dot.y):
        result = dot.result
        kind = "own" if result.contender.startswith("petafit") else "peer"
        sample = " sample" if result.extrapolated else ""
        told = ", ".join(filter(None, (_tooltip(result), figures.remarks(result))))
        yield f'<g class="{kind}{sample}"><title>{escape(told)}</title>'
        yield line("interval", (dot.x, dot.top), (dot.x, dot.bottom))
        yield _label(dot, taken)
        yield f'<circle cx="{dot.x:.1f}" cy="{dot.y:.1f}" r="{_RADIUS:g}"/>'
        yield "</g>"


def _label(dot: _Dot, taken: list[Box]) -> str:
    """The name as near as there is room, with a line to it where that is not beside the dot.

    The room it takes is added to `taken`.
    """
    title = dot.result.title
    width, gap = len(title) * _LETTER, _RADIUS + 4
    lefts = {"start": dot.x + gap, "end": dot.x - gap - width}
    candidates = [
        (anchor, dot.y + lines * _LINE)
        for lines in sorted(range(-8, 9), key=abs)
        for anchor, left in lefts.items()
        if left >= _LEFT and left + width <= _WIDTH
    ]
    boxes = [
        Box(lefts[anchor], y - _LINE / 2, lefts[anchor] + width, y + _LINE / 2)
        for anchor, y in candidates
    ]
    chosen = place(boxes, taken)
    taken.append(boxes[chosen])
    anchor, y = candidates[chosen]
    x = dot.x + (gap if anchor == "start" else -gap)
    leader = line("leader", (dot.x, dot.y), (x, y)) if y != dot.y else ""
    return leader + text(x, y + 4, title, "name", anchor)


def _tooltip(result: Result) -> str:
    return (
        f"{result.title}: {figures.rate(result.rows_per_second)} rows/s, "
        f"log-loss {figures.with_interval(result.log_loss, result.log_loss_ci)}"
    )
