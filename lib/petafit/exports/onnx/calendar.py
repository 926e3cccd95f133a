"""Parts of dates and times, computed with integers of a graph.

References
----------
Howard Hinnant: chrono-compatible low-level date algorithms, ``civil_from_days``.
"""

import numpy as np

from petafit.exports.onnx.graph import Graph

_MICROSECONDS_OF_A_DAY = 86_400_000_000
_MICROSECONDS = {
    "hour": (_MICROSECONDS_OF_A_DAY, 3_600_000_000),
    "minute": (3_600_000_000, 60_000_000),
}
"""Microseconds of the next larger unit, and of its own."""


class _Whole:
    """A value of whole numbers; `//` and `%` are those of Python."""

    def __init__(self, graph: Graph, value: str) -> None:
        self._graph, self.value = graph, value

    def _with(self, operator: str, other: "int | _Whole") -> "_Whole":
        named = other.value if isinstance(other, _Whole) else self._graph.constant(other, np.int64)
        return _Whole(self._graph, self._graph.add(operator, self.value, named))

    def __add__(self, other: "int | _Whole") -> "_Whole":
        return self._with("Add", other)

    def __sub__(self, other: "int | _Whole") -> "_Whole":
        return self._with("Sub", other)

    def __mul__(self, other: int) -> "_Whole":
        return self._with("Mul", other)

    def __mod__(self, other: int) -> "_Whole":
        return self._with("Mod", other)

    def __floordiv__(self, other: int) -> "_Whole":
        return (self - self % other)._with("Div", other)


def clock(graph: Graph, microseconds: str, part: str) -> str:
    """Return the hour or the minute of instants."""
    larger, own = _MICROSECONDS[part]
    return (_Whole(graph, microseconds) % larger // own).value


def civil(graph: Graph, date: str, part: str, *, in_days: bool) -> str:
    """Return the year, month, day or day_of_week, Monday being 0.

    The year of the computation begins in March: its month 0.
    """
    days = _Whole(graph, date)
    if not in_days:
        days = days // _MICROSECONDS_OF_A_DAY
    if part == "day_of_week":
        return ((days + 3) % 7).value
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted % 146_097
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (year_of_era * 365 + year_of_era // 4 - year_of_era // 100)
    month = (day_of_year * 5 + 2) // 153
    if part == "day":
        return (day_of_year - (month * 153 + 2) // 5 + 1).value
    if part == "month":
        return ((month + 2) % 12 + 1).value
    return (year_of_era + era * 400 + (month + 2) // 12).value
