"""The plot of the suite `merging`: number of shards against loss, a line for each rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from petafit.report.svg import CARD, OWN, PEER, SOFT, PointName, inline_svg, name_points
from petafit_benchmark.merging.cases import CASES, Case
from petafit_benchmark.results import Result

_OWN = "stacked"


@dataclass(frozen=True)
class _Series:
    """A rule and a number of passes: extra log-loss by number of shards, the mean of all seeds."""

    rule: str
    passes: int
    above: dict[int, float]

    @property
    def name(self) -> str:
        return self.rule if self.passes == 1 else f"{self.rule}, {self.passes} passes"

    @property
    def label(self) -> str:
        """Its name, with the extra log-loss at the most shards."""
        return f"{self.name} {list(self.above.values())[-1]:+.4f}"


def draw(results: Sequence[Result]) -> Markup:
    """Draw the log-loss of merged models above the sequential learner's."""
    series = _series(results)
    if not series:
        return Markup()
    shards = sorted({count for each in series for count in each.above})
    labels = "; ".join(each.label for each in series)
    return inline_svg(
        partial(_draw, series, shards),
        name="merging",
        title="Shards against log-loss above the sequential learner, a line for each rule",
        description=f"At the most shards of each: {labels}.",
        height=420,
    )


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
    """The extra log-loss of a case on each seed."""
    for result in results:
        above = result.figures.get("above_sequential")
        if above is not None and result.contender.startswith(f"{case.name}_seed"):
            yield above


def _draw(series: Sequence[_Series], shards: Sequence[int], figure: Figure) -> dict[Artist, str]:
    axes = figure.add_axes((0.0875, 0.15, 0.69, 0.79))
    values = [value for each in series for value in (*each.above.values(), 0.0)]
    margin = 0.06 * (max(values) - min(values)) or 0.001
    axes.set_xscale("log")
    axes.set_xlim(shards[0] / 1.3, shards[-1] * 1.3)
    axes.set_ylim(min(values) - margin, max(values) + margin)
    axes.set_xticks(shards, [str(count) for count in shards])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:+g}" if abs(value) > 1e-9 else "0")
    axes.set_xlabel("shards, each a learner of its own")
    axes.set_title("log-loss above the sequential learner's", loc="left", fontsize=12.5, color=SOFT)
    axes.axhline(0.0, color=SOFT, linewidth=1, linestyle="--")
    ends = [PointName(s.label, list(s.above.items())[-1], s.rule == _OWN) for s in series]
    name_points(axes, ends, sides=["right"])
    return {dot: tooltip for each in series for dot, tooltip in _line(axes, each)}


def _line(axes: Axes, series: _Series) -> Iterator[tuple[Artist, str]]:
    colour = OWN if series.rule == _OWN else PEER
    axes.plot(list(series.above), list(series.above.values()), color=colour)
    for count, above in series.above.items():
        (dot,) = axes.plot(count, above, "o", markersize=8, color=colour, markeredgecolor=CARD)
        yield dot, f"{series.name}, {count} shards: {above:+.5f}"
