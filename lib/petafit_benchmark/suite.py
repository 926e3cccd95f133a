"""What a suite is, and what it works with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.contender import Spec
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.process import Failure
from petafit_benchmark.results import Result
from petafit_benchmark.runner import Runner
from petafit_benchmark.table import BenchmarkTable
from petafit_benchmark.trial import run_and_judge
from petafit_benchmark.tuning import Tuning

_SUITES = "petafit_benchmark.suites"


class SuiteWatcher(Protocol):
    """Shows a benchmark while it goes on."""

    def begins(self, title: str) -> None:
        """A contender starts."""

    def ends(self, result: Result) -> None:
        """A contender was measured."""


@dataclass
class Bench:
    """What a suite works with.

    Attributes
    ----------
    settings : Settings
        Those of the user: the engine and the Spark that generate tables.
    data : Path
        Where generated tables are kept.
    folder : Path
        Where reports, logs and scratch files go.
    rows : int
        Of the suite's table, those to be tested on included.
    chosen : tuple of str
        Measure these instead of all.
    tunings : dict of str to Tuning
        By learner; filled as learners come up.
    tables : dict
        By suite, the facts of the table it works on now.
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
        """Those to measure: the ones chosen, of whatever suite, else all of these.

        Raises
        ------
        ConfigurationError
            There is no such contender.
        """
        for name in self.chosen:
            load_contender(name)
        return self.chosen or contenders

    def runner(
        self, suite: str, table: BenchmarkTable, *, full_rows: int, tuning_rows: int
    ) -> Runner:
        """Where contenders meet on a table; see `Runner` for the limits."""
        self.tables[suite] = {k: v for k, v in table.facts.items() if k != "files"}
        return Runner(suite, table, self.folder, full_rows, tuning_rows, self.tunings)

    def measure(self, runner: Runner, name: str) -> Result:
        """Measure one contender, and show it."""
        self.watcher.begins(load_contender(name).TITLE)
        return runner.measure(name)

    def train_once(self, contender: str, spec: Spec, result: Result, *, seconds: float) -> Result:
        """Let a contender train on a spec as it is; what came of it is filled into the result."""
        name = result.contender
        judged = run_and_judge(
            contender,
            [spec],
            scratch=self.folder / "scratch" / name,
            log=self.folder / "logs" / f"{result.suite}-{name}.log",
            seconds=seconds,
        )
        if isinstance(judged, Failure):
            return replace(result, status=judged.status, error=judged.error)
        ((trained, quality),) = judged.runs
        measured = result.with_trained(trained, quality)
        return replace(measured, peak_memory_bytes=judged.peak_memory)


class Suite(Protocol):
    """A module of `petafit_benchmark.suites`.

    Attributes
    ----------
    NAME : str
    ROWS, QUICK_ROWS : int
        Of its table by default, and for a first look.
    CONTENDERS : tuple of str
        In the order of their measurement.
    SLOW : tuple of str
        Those to leave out of a first look.
    """

    NAME: str
    ROWS: int
    QUICK_ROWS: int
    CONTENDERS: tuple[str, ...]
    SLOW: tuple[str, ...]

    def run(self, bench: Bench) -> Iterator[Result]:
        """Measure `bench.chosen`, or all contenders."""


def load_suite(name: str) -> Suite:
    """A suite by its name.

    Raises
    ------
    ConfigurationError
        There is no such suite.
    """
    known = [found.name for found in iter_modules(import_module(_SUITES).__path__)]
    if name not in known:
        raise ConfigurationError(f"There is no suite {name!r}", hint=did_you_mean(name, known))
    return cast(Suite, import_module(f"{_SUITES}.{name}"))
