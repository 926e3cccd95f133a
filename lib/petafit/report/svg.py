"""Plots as accessible SVG to be inlined in a page: matplotlib draws, the page's CSS colours."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import NamedTuple
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

INK, SOFT, LINE, CARD = "#1c2330", "#5d6777", "#dfe3ea", "#f6f7fa"
OWN, PEER = "#0b62d6", "#b4540a"
_VARIABLES = {INK: "ink", SOFT: "soft", LINE: "line", CARD: "card", OWN: "own", PEER: "peer"}
"""Colours of ``page.css`` by the light value that a plot is drawn with; dark ones are there."""

_STYLE = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "petafit",  # else ids differ from run to run
    "text.parse_math": False,  # labels come from data: a $ is a $
    "font.sans-serif": ["DejaVu Sans"],  # matplotlib's own: measured alike on every machine
    "font.size": 12.5,
    "figure.dpi": 72,  # a pixel is a unit of the SVG
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": "none",
    "axes.labelcolor": SOFT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "lines.linewidth": 2,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Draw = Callable[[Figure], Mapping[Artist, str]]
"""Draws into an empty figure; returns the tooltips of artists."""
_LINE, _RADIUS, _GAP = 16, 5, 9


def inline_svg(
    draw: Draw, *, name: str, title: str, description: str, width: int = 960, height: int = 480
) -> Markup:
    """Draw a figure as an ``<svg>`` element; the same figure gives the same bytes.

    Parameters
    ----------
    draw : callable
        Is given the figure within petafit's style of plots.
    name : str
        Unique on the page: prefixes the element's ids.
    title, description : str
        For those who cannot see it: its subject, and what it shows.
    width, height : int
        Its coordinates are 0 to these; on the page, it is as wide as there is room.
    """
    written = StringIO()
    with _petafit_style():
        figure = Figure(figsize=(width / 72, height / 72))
        tooltips = draw(figure)
        by_id = {f"tooltip-{number}": text for number, text in enumerate(tooltips.values())}
        for gid, artist in zip(by_id, tooltips, strict=True):
            artist.set_gid(gid)
        unset = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=unset)
    svg = ElementTree.fromstring(_NOT_XML.sub("\ufffd", written.getvalue()))
    for group in svg.iter(f"{_NAMESPACE}g"):
        if tooltip := by_id.get(group.get("id", "")):
            _insert(group, 0, "title", tooltip)
    _adopt(svg, name)
    _insert(svg, 0, "title", title, id=f"{name}-title")
    _insert(svg, 1, "desc", description, id=f"{name}-desc")
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


@contextmanager
def _petafit_style() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the user's own are."""
    with style.context(_STYLE, after_reset=True), warnings.catch_warnings():
        # The browser draws the text, in a font that has the glyph.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def _insert(parent: ElementTree.Element, place: int, tag: str, text: str, **more: str) -> None:
    element = ElementTree.Element(tag, more)
    element.text = _NOT_XML.sub("\ufffd", text)
    parent.insert(place, element)


def _adopt(svg: ElementTree.Element, name: str) -> None:
    """Make it an image of the page: no namespaces, its own ids, the page's colours and font."""
    svg.remove(svg[0])  # a style that would hold for the whole page
    for element in svg.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
        for key, value in list(element.items()):
            del element.attrib[key]
            if key == "style":
                value = _page_style(value)
            elif key == "id":
                value = f"{name}-{value}"
            else:  # maybe a reference to an id
                value = value.replace("#", f"#{name}-", 1)
            element.set(key.removeprefix(_XLINK), value)
    svg.attrib = {
        "viewBox": svg.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-desc",
        "style": "stroke-linejoin: round; stroke-linecap: butt",
    }


def _page_style(declarations: str) -> str:
    """Inherit the page's font, and name the colours.

    Examples
    --------
    >>> _page_style("fill: #1c2330; font-family: 'DejaVu Sans', sans-serif; opacity: 1")
    'fill: var(--ink); opacity: 1'
    """
    declarations = re.sub(r"font-family: [^;]*;? ?", "", declarations)
    for colour, variable in _VARIABLES.items():
        declarations = declarations.replace(colour, f"var(--{variable})")
    return declarations


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
