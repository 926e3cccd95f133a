"""A target: a figure that is read from the results, and what it must reach."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from petafit_benchmark.results import Result


class Reading(NamedTuple):
    """What a figure came to.

    Attributes
    ----------
    value : float or None
        None where it could not be had; `note` says why.
    holds : bool
        Whether the target's condition beside the value is met.
    """

    value: float | None
    holds: bool = True
    note: str = ""


class MissingContenderError(Exception):
    """A contender that a target needs was not measured."""


class Found:
    """The results by contender, of which only those that are ok count."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results: Mapping[str, Result] = {r.contender: r for r in results}

    def get(self, name: str) -> Result | None:
        """A contender's result if it was measured."""
        result = self._results.get(name)
        return result if result and result.ok else None

    def __getitem__(self, name: str) -> Result:
        found = self.get(name)
        if found is None:
            raise MissingContenderError(name)
        return found

    def rate(self, name: str) -> float:
        """Rows per second."""
        return self[name].rows_per_second or 0.0


@dataclass(frozen=True)
class TargetResult:
    """What came of a target.

    Attributes
    ----------
    value : float or None
        None, and not met, where a contender is missing.
    required, stretch : float
        What must be reached, and what would be better still: of lower figures strictly.
    better : {"higher", "lower"}
    note : str
        What is to be known beside the value.
    suites : tuple of str
        Those that measure it.
    """

    figure: str
    value: float | None
    required: float
    stretch: float | None
    met: bool
    stretch_met: bool
    better: Literal["higher", "lower"]
    note: str
    suites: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """An object of ``bars`` in ``benchmark.json``, whose format says `bar` for `required`."""
        fields = asdict(self)
        return {"bar": fields.pop("required"), **fields}


@dataclass(frozen=True)
class PerformanceTarget:
    """A target before it is measured."""

    figure: str
    read: Callable[[Found], Reading]
    required: float
    stretch: float | None = None
    better: Literal["higher", "lower"] = "higher"
    suites: tuple[str, ...] = ("clicks",)

    def measure(self, found: Found) -> TargetResult:
        """Hold the results against it."""
        try:
            reading = self.read(found)
        except MissingContenderError as missing:
            reading = Reading(None, note=f"{missing} was not measured")
        return TargetResult(
            figure=self.figure,
            value=reading.value,
            required=self.required,
            stretch=self.stretch,
            met=reading.holds and self._meets(reading.value),
            stretch_met=reading.holds and self._stretches(reading.value),
            better=self.better,
            note=reading.note,
            suites=self.suites,
        )

    def _meets(self, value: float | None) -> bool:
        if value is None:
            return False
        return value >= self.required if self.better == "higher" else value <= self.required

    def _stretches(self, value: float | None) -> bool:
        if value is None or self.stretch is None:
            return False
        return value >= self.stretch if self.better == "higher" else value < self.stretch
