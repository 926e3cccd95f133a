"""The plot of the suite `merging`: shards against what merging them costs, a line for each rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from petafit_benchmark.merging_cases import CASES, Case
from petafit_benchmark.results import Result
from petafit_benchmark.scales import Linear, Logarithmic
from petafit_benchmark.svg import Point, line, picture, text

_WIDTH, _HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 210, 24, 64
_NEAR = 15.0
_OWN = "stacked"


@dataclass(frozen=True)
class _Series:
    """A rule, after so many passes: what it costs by the number of shards, the seeds' mean."""

    rule: str
    passes: int
    above: dict[int, float]

    @property
    def name(self) -> str:
        return self.rule if self.passes == 1 else f"{self.rule}, {self.passes} passes"


def draw(results: Sequence[Result]) -> str:
    """Draw the log-loss above the sequential learner's of all that was compared with it."""
    series = _series(results)
    if not series:
        return ""
    shards = sorted({count for each in series for count in each.above})
    values = [value for each in series for value in (*each.above.values(), 0.0)]
    margin = 0.06 * (max(values) - min(values)) or 0.001
    x = Logarithmic(shards[0] / 1.3, shards[-1] * 1.3, _LEFT, _WIDTH - _RIGHT)
    y = Linear(min(values) - margin, max(values) + margin, _HEIGHT - _BOTTOM, _TOP)
    parts = (*_axes(x, y, shards), *_lines(series, x, y))
    label = "Number of shards against log-loss above the sequential learner, a line for each rule"
    return picture(parts, width=_WIDTH, height=_HEIGHT, label=label)


def _series(results: Sequence[Result]) -> list[_Series]:
    found: dict[tuple[str, int], dict[int, list[float]]] = {}
    for case in CASES:
        for above in _measured(results, case):
            of_rule = found.setdefault((case.rule, case.passes), {})
            of_rule.setdefault(case.shards, []).append(above)
    return [
        _Series(*key, {shards: sum(seeds) / len(seeds) for shards, seeds in sorted(all_.items())})
        for key, all_ in found.items()
    ]


def _measured(results: Sequence[Result], case: Case) -> Iterator[float]:
    """On each seed."""
    for result in results:
        above = result.figures.get("above_sequential")
        if above is not None and result.contender.startswith(f"{case.name}_seed"):
            yield above


def _axes(x: Logarithmic, y: Linear, shards: Sequence[int]) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for count in shards:
        yield line("grid", (x(count), _TOP), (x(count), bottom))
        yield text(x(count), bottom + 20, str(count), "tick", "middle")
    for tick in y.ticks():
        yield line("grid", (_LEFT, y(tick)), (right, y(tick)))
        yield text(_LEFT - 10, y(tick) + 4, f"{tick:+g}" if tick else "0", "tick", "end")
    yield line("limit", (_LEFT, y(0.0)), (right, y(0.0)))
    yield text(
        (_LEFT + right) / 2, _HEIGHT - 14, "shards, each a learner of its own", "axis", "middle"
    )
    yield text(_LEFT, _TOP - 8, "log-loss above the sequential learner's", "axis", "start")


def _lines(series: Sequence[_Series], x: Logarithmic, y: Linear) -> Iterator[str]:
    """The lines, each with its name at its end, moved down where another's is too near."""
    lowest = 0.0
    ends: list[tuple[float, _Series, list[Point]]] = []
    for each in series:
        points = [(x(count), y(value)) for count, value in each.above.items()]
        ends.append((points[-1][1], each, points))
    for at, each, points in sorted(ends, key=lambda end: end[0]):
        lowest = max(at, lowest + _NEAR)
        yield f'<g class="{"own" if each.rule == _OWN else "peer"}">'
        yield line("series", *points)
        for (left, top), value in zip(points, each.above.values(), strict=True):
            told = f"<title>{value:+.5f}</title>"
            yield f'<circle cx="{left:.1f}" cy="{top:.1f}" r="4">{told}</circle>'
        last = list(each.above.values())[-1]
        yield line("leader", points[-1], (_WIDTH - _RIGHT + 6, lowest))
        yield text(_WIDTH - _RIGHT + 10, lowest + 4, f"{each.name} {last:+.4f}", "name", "start")
        yield "</g>"
