"""A performance target: a figure computed from the results, and its required value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from petafit_benchmark.results import Result


class Reading(NamedTuple):
    """The value of a figure.

    Attributes
    ----------
    value : float or None
        None where it could not be computed; `note` gives the reason.
    holds : bool
        True if the target's further condition is met.
    """

    value: float | None
    holds: bool = True
    note: str = ""


class MissingContenderError(Exception):
    """A contender that a target needs was not measured."""


class ResultsByContender:
    """The results by contender; those that failed count as not measured."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results: Mapping[str, Result] = {r.contender: r for r in results}

    def get(self, name: str) -> Result | None:
        """A contender's result, if it was measured."""
        result = self._results.get(name)
        return result if result and result.ok else None

    def __getitem__(self, name: str) -> Result:
        result = self.get(name)
        if result is None:
            raise MissingContenderError(name)
        return result

    def rate(self, name: str) -> float:
        """Rows per second."""
        return self[name].rows_per_second or 0.0


@dataclass(frozen=True)
class TargetResult:
    """A target compared with the results.

    Attributes
    ----------
    value : float or None
        None, and not met, where a contender is missing.
    required, stretch : float
        The value to reach, and a better one; a lower figure must be below `stretch` itself.
    better : {"higher", "lower"}
    note : str
        A remark on the value.
    suites : tuple of str
        The suites that measure it.
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
        """The object in ``bars`` of ``benchmark.json``, which names `required` ``bar``."""
        fields = asdict(self)
        return {"bar": fields.pop("required"), **fields}


@dataclass(frozen=True)
class PerformanceTarget:
    """A target: its figure, how to read it from the results, and its values."""

    figure: str
    read: Callable[[ResultsByContender], Reading]
    required: float
    stretch: float | None = None
    better: Literal["higher", "lower"] = "higher"
    suites: tuple[str, ...] = ("clicks",)

    def measure(self, results: ResultsByContender) -> TargetResult:
        """Compare it with the results."""
        try:
            reading = self.read(results)
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
