"""The step size of every learner, chosen by one rule: so that nobody wins by tuning."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Tuning:
    """What was tried for a learner, and what came of it.

    Every learner takes one pass over the same tuning rows with each value of its grid, and is
    measured on the same validation rows. Both are training rows: the test rows are not touched.

    Attributes
    ----------
    suite, table : str
    learner : str
        Its contenders share the choice.
    tunes : str
        What the values are.
    contender : str
        Who was run for it.
    rows, validation_rows : int
        Learnt from, and measured on.
    grid, log_losses : tuple of float
    """

    suite: str
    table: str
    learner: str
    tunes: str
    contender: str
    rows: int
    validation_rows: int
    grid: tuple[float, ...]
    log_losses: tuple[float, ...]

    @property
    def chosen(self) -> float:
        """The value with the least log-loss on the validation rows; of equals the first."""
        return self.grid[self.log_losses.index(min(self.log_losses))]

    @property
    def at_edge(self) -> bool:
        """Whether a value beyond the grid might have been better still."""
        return self.chosen in (min(self.grid), max(self.grid))

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` and JSON made of it, back again."""
        lists = {name: tuple(told[name]) for name in ("grid", "log_losses")}
        return cls(**{**told, **lists})
