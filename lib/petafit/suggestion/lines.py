"""Lines of a task file: lists, values and shares, in short."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from petafit.config.yaml12 import dump

_WIDTH = 98
_LONGEST_VALUE = 24


def listed(start: str, names: Sequence[str], *, again: str = "", end: str = "") -> Iterator[str]:
    """Yield a list in brackets, on as many lines as it needs; nothing where it is empty.

    Parameters
    ----------
    again : str
        Begins each line but the first; by default as much space as `start` takes.
    end : str
        Follows the bracket.
    """
    if not names:
        return
    line = f"{start}["
    for i, name in enumerate(names):
        word = dump(name) + ("]" + end if i == len(names) - 1 else ",")
        if len(line) + len(word) > _WIDTH and not line.endswith("["):
            yield line.rstrip()
            line = again or " " * len(start)
            line += " "
        line += word + " "
    yield line.rstrip()


def remark(indent: str, text: str) -> Iterator[str]:
    """Yield a comment, on as many lines as it needs."""
    line = f"{indent}#"
    for word in text.split(" "):
        if len(line) + 1 + len(word) > _WIDTH and not line.endswith("#"):
            yield line
            line = f"{indent}# "
        line += f" {word}"
    yield line


def quoted(column: str) -> str:
    """Return a column's name as conditions have it."""
    return column if re.fullmatch(r"\w+", column) else f"`{column}`"


def share(part: float, whole: float) -> str:
    """Return a share in per cent; more digits where it is small."""
    share = 100 * part / whole
    return f"{share:.2g}%" if 0 < share < 10 else f"{share:.0f}%"


def value(value: object) -> str:
    """Return a value in short."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = dump(value) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
