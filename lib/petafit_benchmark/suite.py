"""A suite of contenders, and the run of a suite."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.contender import Spec
from petafit_benchmark.contenders.registry import load_contender
from petafit_benchmark.process import Failure
from petafit_benchmark.results import Result, Tuning
from petafit_benchmark.runner import Runner, run_trial
from petafit_benchmark.table import BenchmarkTable


class SuiteWatcher(Protocol):
    """Shows the progress of a suite."""

    def begins(self, title: str) -> None:
        """A contender starts."""

    def ends(self, result: Result) -> None:
        """A contender was measured."""


@dataclass
class Bench:
    """One run of a suite.

    Attributes
    ----------
    settings : Settings
        The user's settings: engine and Spark to generate tables with.
    data : Path
        Folder of generated tables.
    folder : Path
        Folder of reports, logs and scratch files.
    rows : int
        Rows of the suite's table, test rows included.
    watcher : SuiteWatcher
    chosen : tuple of str
        Contenders to measure instead of all.
    tunings : dict of str to Tuning
        By learner; filled when a learner is first measured.
    tables : dict
        By suite, the properties of its table.
    """

    settings: Settings
    data: Path
    folder: Path
    rows: int
    watcher: SuiteWatcher
    chosen: tuple[str, ...] = ()
    tunings: dict[str, Tuning] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)

    def wanted(self, contenders: Sequence[str]) -> Sequence[str]:
        """The contenders to measure: the chosen ones, of any suite, or else all of these.

        Raises
        ------
        ConfigurationError
            There is no such contender.
        """
        for name in self.chosen:
            load_contender(name)
        return self.chosen or contenders

    def check_chosen(self, contenders: Iterable[str]) -> None:
        """Refuse chosen contenders that are not among these.

        Raises
        ------
        ConfigurationError
        """
        known = list(contenders)
        for name in self.chosen:
            if name not in known:
                raise ConfigurationError(
                    f"The suite has no {name!r} on {self.rows:,} rows",
                    hint=did_you_mean(name, known),
                )

    def add_table(self, suite: str, table: BenchmarkTable) -> None:
        """Note the properties of a suite's table."""
        self.tables[suite] = {k: v for k, v in table.properties.items() if k != "files"}

    def runner(
        self, suite: str, table: BenchmarkTable, *, full_rows: int, tuning_rows: int
    ) -> Runner:
        """Make the runner for a table; see `Runner` for the limits."""
        self.add_table(suite, table)
        return Runner(suite, table, self.folder, full_rows, tuning_rows, self.tunings)

    def measure(self, runner: Runner, name: str) -> Result:
        """Measure one contender, and show its progress."""
        self.watcher.begins(load_contender(name).title)
        return runner.measure(name)

    def train_once(self, contender: str, spec: Spec, result: Result, *, seconds: float) -> Result:
        """Run a contender on one spec, without tuning; the figures are added to the result."""
        name = result.contender
        trial = run_trial(
            contender,
            [spec],
            scratch=self.folder / "scratch" / name,
            log=self.folder / "logs" / f"{result.suite}-{name}.log",
            seconds=seconds,
        )
        if isinstance(trial, Failure):
            return replace(result, status=trial.status, error=trial.error)
        ((run, quality),) = trial.runs
        measured = result.with_run(run, quality)
        return replace(measured, peak_memory_bytes=trial.peak_memory)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Contenders that are compared on one table.

    Attributes
    ----------
    name : str
    run : callable
        Measures the chosen contenders of a `Bench`, by default all; yields each result.
    rows, quick_rows : int
        Rows of its table by default, and with ``--quick``.
    contenders : tuple of str
        In the order of measurement.
    slow : tuple of str
        Contenders that ``--quick`` leaves out.
    """

    name: str
    run: Callable[[Bench], Iterator[Result]]
    rows: int
    quick_rows: int
    contenders: tuple[str, ...]
    slow: tuple[str, ...] = ()
