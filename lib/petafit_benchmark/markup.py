"""Tables as HTML."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Row:
    """A table's row: plain text in its cells, and what kind of row it is, for the style."""

    cells: tuple[str, ...]
    kind: str = ""


def table(headings: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """A table that scrolls where it is too wide; a heading that begins with # stands over numbers.

    Examples
    --------
    >>> print("".join(table(("who", "#rows"), [Row(("a < b", "7"))])))  # doctest: +ELLIPSIS
    <div class="scroll"><table><thead><tr><th>who</th><th class="number">rows</th></tr>...
    """
    kinds = [' class="number"' if heading.startswith("#") else "" for heading in headings]
    names = [escape(heading.removeprefix("#")) for heading in headings]
    yield '<div class="scroll"><table><thead><tr>'
    yield "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, names, strict=True))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = zip(kinds, row.cells, strict=True)
        yield f'<tr class="{row.kind}">' if row.kind else "<tr>"
        yield "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in cells)
        yield "</tr>"
    yield "</tbody></table></div>"
