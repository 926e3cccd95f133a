"""The results of contenders, and the tuning of their learners."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median_low
from typing import Any, Self, TypeVar

from petafit_benchmark.contender import ContenderRun, CurvePoint
from petafit_benchmark.process import Status
from petafit_benchmark.quality import Interval, Quality

_Number = TypeVar("_Number", int, float)


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contender's object in ``benchmark.json``; a figure that was not measured is None.

    Attributes
    ----------
    contender, title, suite, table : str
    cores : int
    rows : int
        Training rows, each counted once.
    seconds : float
        See `ContenderRun.seconds`; start-up and conversion are in fields of their own.
    log_loss, auc, accuracy : float
        On the test rows, with 95% confidence intervals in the fields ``*_ci``.
    seconds_to_log_loss : float
        Training time until the test rows' log-loss was as low as `log_loss`.
    peak_memory_bytes : int
        Of the whole process tree: the sum of its PSS, sampled once a second.
    converged : bool or None
        None for those that make a given number of passes.
    extrapolated : bool
        True if it learnt from a sample, the newest of the training rows.
    command : str
        The command that measures this contender again.
    status : {"ok", "missing", "failed", "timeout"}
    error : str or None
    tuned : dict
        The value that was chosen for its learner, as in ``{"learning_rate": 0.1}``.
    figures : dict
        Measurements of this contender alone.
    """

    contender: str
    cores: int
    rows: int | None = None
    seconds: float | None = None
    rows_per_second: float | None = None
    log_loss: float | None = None
    log_loss_ci: Interval | None = None
    auc: float | None = None
    auc_ci: Interval | None = None
    seconds_to_log_loss: float | None = None
    peak_memory_bytes: int | None = None
    converged: bool | None = None
    extrapolated: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""
    suite: str
    table: str
    title: str
    status: Status = "ok"
    error: str | None = None
    startup_seconds: float | None = None
    prepare_seconds: float | None = None
    accuracy: float | None = None
    accuracy_ci: Interval | None = None
    tuned: dict[str, float] = field(default_factory=dict)
    trajectory: tuple[CurvePoint, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True if it was measured."""
        return self.status == "ok"

    def with_run(self, run: ContenderRun, quality: Quality | None) -> Self:
        """The same result with the figures of a training and the quality of its predictions."""
        qualities = {} if quality is None else asdict(quality)
        reached = None if quality is None else _seconds_to(quality.log_loss, run)
        return replace(
            self,
            rows=run.rows,
            seconds=run.seconds,
            rows_per_second=run.rows / max(run.seconds, 1e-9),
            seconds_to_log_loss=reached,
            startup_seconds=run.startup_seconds,
            prepare_seconds=run.prepare_seconds,
            converged=run.converged,
            versions=run.versions,
            trajectory=run.trajectory,
            figures=run.figures,
            **qualities,
        )

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read the JSON of `dataclasses.asdict`."""
        intervals = {k: tuple(v) for k, v in fields.items() if k.endswith("_ci") and v is not None}
        trajectory = tuple(CurvePoint(**point) for point in fields["trajectory"])
        return cls(**{**fields, **intervals, "trajectory": trajectory})


@dataclass(frozen=True)
class Tuning:
    """The log-loss of a learner with each value of its grid.

    Every learner makes one pass over the same tuning rows with each value, and is measured on the
    same validation rows. Both are training rows: the test rows are not read.

    Attributes
    ----------
    suite, table : str
    learner : str
        Its contenders share the choice.
    tunes : str
        The parameter that is chosen.
    contender : str
        The one that was run.
    rows, validation_rows : int
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
        """The value with the least log-loss on the validation rows, the first among equals."""
        return self.grid[self.log_losses.index(min(self.log_losses))]

    @property
    def at_edge(self) -> bool:
        """True if a value beyond the grid might be better."""
        return self.chosen in (min(self.grid), max(self.grid))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read the JSON of `dataclasses.asdict`."""
        lists = {name: tuple(fields[name]) for name in ("grid", "log_losses")}
        return cls(**{**fields, **lists})


def middle(results: Sequence[Result]) -> Result:
    """The measurement with the median time among several of one contender.

    Memory and figures are the medians of all. If one failed, it is the result.
    """
    failed = next((result for result in results if not result.ok), None)
    if failed:
        return failed
    seconds = median_low(_known(result.seconds for result in results))
    chosen = next(result for result in results if result.seconds == seconds)
    peaks = _known(result.peak_memory_bytes for result in results)
    names = chosen.figures.keys()
    return replace(
        chosen,
        peak_memory_bytes=median_low(peaks) if peaks else None,
        figures={n: median_low(_known(r.figures.get(n) for r in results)) for n in names},
    )


def _seconds_to(log_loss: float, run: ContenderRun) -> float:
    """The time when the learning curve first was this low; the whole time if it never was."""
    points = sorted(run.trajectory, key=lambda point: point.seconds)
    return next((p.seconds for p in points if p.log_loss <= log_loss), run.seconds)


def _known(values: Iterable[_Number | None]) -> list[_Number]:
    return [value for value in values if value is not None]


def command_of(suite: str, rows: int, contender: str) -> str:
    """The command that measures a result again."""
    return f"petafit-benchmark --suite {suite} --rows {rows} --contenders {contender}"
