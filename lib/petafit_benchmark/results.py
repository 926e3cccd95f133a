"""What is known of each contender after it was measured."""

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
    """One contender's object in ``benchmark.json``; None where a figure could not be had.

    Attributes
    ----------
    contender, title, suite, table : str
    cores : int
    rows : int
        Training rows that it learnt from, each counted once.
    seconds : float
        See `ContenderRun.seconds`; start-up and conversion are in fields of their own.
    log_loss, auc, accuracy : float
        On the test rows, with 95% confidence intervals in the fields ``*_ci``.
    seconds_to_log_loss : float
        Learning time until the test rows' log-loss was as low as `log_loss`.
    peak_memory_bytes : int
        Of the whole process tree: the sum of its PSS, sampled once a second.
    converged : bool or None
        None for those that make a given number of passes.
    extrapolated : bool
        It learnt from a sample of the training rows, the newest.
    command : str
        Measures this contender again.
    status : {"ok", "missing", "failed", "timeout"}
    error : str or None
    tuned : dict
        What was chosen for its learner, as in ``{"learning_rate": 0.1}``.
    figures : dict
        What only this contender measures.
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
        """Whether it did all it was asked."""
        return self.status == "ok"

    def with_trained(self, trained: ContenderRun, quality: Quality | None) -> Self:
        """The same contender, with what it took and how good it became."""
        told = {} if quality is None else asdict(quality)
        reached = None if quality is None else _seconds_to(quality.log_loss, trained)
        return replace(
            self,
            rows=trained.rows,
            seconds=trained.seconds,
            rows_per_second=trained.rows / max(trained.seconds, 1e-9),
            seconds_to_log_loss=reached,
            startup_seconds=trained.startup_seconds,
            prepare_seconds=trained.prepare_seconds,
            converged=trained.converged,
            versions=trained.versions,
            trajectory=trained.trajectory,
            figures=trained.figures,
            **told,
        )

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` and JSON made of it, back again."""
        intervals = {k: tuple(v) for k, v in told.items() if k.endswith("_ci") and v is not None}
        trajectory = tuple(CurvePoint(**point) for point in told["trajectory"])
        return cls(**{**told, **intervals, "trajectory": trajectory})


def middle(results: Sequence[Result]) -> Result:
    """Of several measurements of one contender the one with the median time.

    Memory and figures are the medians of all; one that failed stands for all.
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


def _seconds_to(log_loss: float, trained: ContenderRun) -> float:
    """When a model on the way was as good as the last; without such a model, all the time."""
    points = sorted(trained.trajectory, key=lambda point: point.seconds)
    return next((p.seconds for p in points if p.log_loss <= log_loss), trained.seconds)


def _known(values: Iterable[_Number | None]) -> list[_Number]:
    return [value for value in values if value is not None]


def command_of(suite: str, rows: int, contender: str) -> str:
    """The command that measures a result again."""
    return f"python -m petafit_benchmark --suite {suite} --rows {rows} --contenders {contender}"
