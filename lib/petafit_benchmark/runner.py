"""Measures contenders on one table: tuned alike, each in a process of its own."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from petafit.errors import ContractError
from petafit_benchmark.contender import Contender, ContenderRun, Spec
from petafit_benchmark.contenders.registry import load_contender
from petafit_benchmark.process import Failure, run_contender
from petafit_benchmark.quality import Quality, measure
from petafit_benchmark.results import Result, Tuning, command_of
from petafit_benchmark.rows import labels
from petafit_benchmark.table import BenchmarkTable, TableSample

VALIDATION_SHARE = 0.5
"""Validation rows for each tuning row."""

TUNING_SECONDS = 600.0
RUN_SECONDS = 900.0


@dataclass(frozen=True)
class Trial:
    """The trainings of a contender in one process, and the quality of its predictions.

    Attributes
    ----------
    runs : list of (ContenderRun, Quality or None)
        One for each spec; None where nothing is predicted.
    peak_memory : int or None
        In bytes, of the process tree.
    """

    runs: list[tuple[ContenderRun, Quality | None]]
    peak_memory: int | None


def run_trial(
    name: str, specs: Sequence[Spec], *, scratch: Path, log: Path, seconds: float
) -> Trial | Failure:
    """Run a contender on every spec in one process, and measure its predictions.

    Parameters
    ----------
    scratch : path
        Holds a folder for each spec; removed at the end.
    log : path
        Gets all output of the process.
    seconds : float
        Limit, after which the process is killed.
    """
    contender = load_contender(name)
    specs = [
        replace(spec, work=str(scratch / str(number)), cores=contender.cores)
        for number, spec in enumerate(specs)
    ]
    shutil.rmtree(scratch, ignore_errors=True)
    for spec in specs:
        Path(spec.work).mkdir(parents=True)
    try:
        ended = run_contender(name, contender, specs, log=log, timeout=seconds)
        if isinstance(ended, Failure):
            return ended
        runs = [(run, _quality(spec, run)) for spec, run in zip(specs, ended.runs, strict=True)]
        return Trial(runs, ended.peak_memory)
    except ContractError as error:
        return Failure("failed", str(error))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _quality(spec: Spec, run: ContenderRun) -> Quality | None:
    if run.predictions is None:
        return None
    return measure(labels(spec.test_files, spec.label, spec.classes), np.load(run.predictions))


@dataclass
class Runner:
    """A table and the limits that contenders are measured with.

    Attributes
    ----------
    suite : str
    table : BenchmarkTable
    folder : Path
        For logs, and for scratch files while a contender runs.
    full_rows : int
        The table's size that all limits are stated for; they are scaled down for a smaller one.
    tuning_rows : int
        Rows that every learner reads for each value of its grid.
    tunings : dict of str to Tuning
        By learner; filled when a learner is first measured.
    """

    suite: str
    table: BenchmarkTable
    folder: Path
    full_rows: int
    tuning_rows: int
    tunings: dict[str, Tuning] = field(default_factory=dict)

    def measure(self, name: str) -> Result:
        """Tune a contender's learner if it is not yet tuned, train it, and evaluate it.

        A contender that cannot be measured gives a result with the reason.
        """
        contender = load_contender(name)
        result = self._blank(name, contender)
        tuning = self._tuning(name, contender)
        if isinstance(tuning, Failure):
            return replace(result, status=tuning.status, error=tuning.error)
        sample = self._sample(contender)
        spec = self._spec(sample, self.table.spec.test, tuning.chosen if tuning else None)
        trial = self._run(name, [spec], title=name, seconds=RUN_SECONDS)
        if isinstance(trial, Failure):
            return replace(result, status=trial.status, error=trial.error)
        ((run, quality),) = trial.runs
        return replace(
            result.with_run(run, quality),
            peak_memory_bytes=trial.peak_memory,
            extrapolated=sample.rows < self.table.spec.rows,
            tuned={tuning.tunes: tuning.chosen} if tuning else {},
        )

    def _tuning(self, name: str, contender: Contender) -> Tuning | Failure | None:
        """The tuning of the contender's learner; None where nothing is tuned."""
        if contender.grid is None:
            return None
        if contender.learner not in self.tunings:
            chosen = self._tune(name, contender, contender.grid)
            if isinstance(chosen, Failure):
                return chosen
            self.tunings[contender.learner] = chosen
        return self.tunings[contender.learner]

    def _tune(self, name: str, contender: Contender, grid: Sequence[float]) -> Tuning | Failure:
        """Train with every value, and validate it on the newest training rows."""
        most = min(self._scaled(self.tuning_rows), self.table.spec.rows // 2)
        validation = self.table.newest(int(VALIDATION_SHARE * most))
        wanted = min(most, self._scaled(contender.most_rows or self.tuning_rows))
        sample = self.table.newest(wanted, before=validation.rows)
        specs = [self._spec(sample, validation.folder, value) for value in grid]
        trial = self._run(name, specs, title=f"{name}-tuning", seconds=TUNING_SECONDS)
        if isinstance(trial, Failure):
            return Failure(trial.status, f"while its {contender.tunes} was chosen: {trial.error}")
        return Tuning(
            suite=self.suite,
            table=self.table.properties["name"],
            learner=contender.learner,
            tunes=contender.tunes,
            contender=name,
            rows=sample.rows,
            validation_rows=validation.rows,
            grid=tuple(grid),
            log_losses=tuple(quality.log_loss for _, quality in trial.runs if quality),
        )

    def _run(
        self, name: str, specs: Sequence[Spec], *, title: str, seconds: float
    ) -> Trial | Failure:
        return run_trial(
            name,
            specs,
            scratch=self.folder / "scratch" / title,
            log=self.folder / "logs" / f"{self.suite}-{title}.log",
            seconds=seconds,
        )

    def _sample(self, contender: Contender) -> TableSample:
        """The training rows of a contender: all, or the newest of them for a slow one."""
        if contender.most_rows is None:
            return TableSample(self.table.spec.train, self.table.spec.rows)
        return self.table.newest(self._scaled(contender.most_rows))

    def _spec(self, sample: TableSample, test: str, value: float | None) -> Spec:
        return replace(
            self.table.spec, train=sample.folder, rows=sample.rows, test=test, tuned=value
        )

    def _scaled(self, rows: int) -> int:
        """A number of rows stated for `full_rows`, scaled to this table."""
        return max(1, int(rows * min(1.0, self.table.properties["rows"] / self.full_rows)))

    def _blank(self, name: str, contender: Contender) -> Result:
        rows = self.table.properties["rows"]
        return Result(
            contender=name,
            title=contender.title,
            suite=self.suite,
            table=self.table.properties["name"],
            cores=contender.cores,
            command=command_of(self.suite, rows, name),
        )
