"""The few elements of SVG that the plots are made of; the page's style gives them their looks."""

from collections.abc import Iterable
from html import escape

Point = tuple[float, float]


def picture(parts: Iterable[str], *, width: int, height: int, label: str) -> str:
    """An image with a label for those who cannot see it."""
    body = "\n".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">\n{body}\n</svg>'


def line(kind: str, *points: Point) -> str:
    """A line through points."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{through}"/>'


def text(x: float, y: float, content: str, kind: str, anchor: str) -> str:
    """One line of text, whose `anchor` (start, middle, end) is at x."""
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )
