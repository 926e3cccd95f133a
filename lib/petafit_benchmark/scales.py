"""The two axes of a plot: from values to pixels, and where the ticks are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Linear:
    """Equal steps for equal differences.

    Attributes
    ----------
    low, high : float
        Values at both ends.
    start, stop : float
        Pixels at both ends.
    """

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, most: int = 7) -> list[float]:
        """Round values within the axis.

        Examples
        --------
        >>> Linear(0.39, 0.52, 0, 100).ticks()
        [0.4, 0.42, 0.44, 0.46, 0.48, 0.5, 0.52]
        """
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


@dataclass(frozen=True)
class Logarithmic:
    """Equal steps for equal ratios; fields as `Linear`."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """Where a value lies."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self) -> list[float]:
        """1, 3, 10, 30, ... within the axis.

        Examples
        --------
        >>> Logarithmic(800, 40_000, 0, 100).ticks()
        [1000.0, 3000.0, 10000.0, 30000.0]
        """
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        marks = (m * 10.0**power for power in powers for m in (1, 3))
        return [mark for mark in marks if self.low <= mark <= self.high]


@dataclass(frozen=True)
class Box:
    """A rectangle on the plot, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def place(candidates: Sequence[Box], taken: Sequence[Box]) -> int:
    """The first candidate that overlaps nothing, else the one that overlaps least often."""
    crowded = [sum(box.overlaps(other) for other in taken) for box in candidates]
    return crowded.index(min(crowded))
