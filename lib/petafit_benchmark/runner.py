"""Measures contenders on one table: tuned alike, each in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from petafit_benchmark.contender import Contender, Spec
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.process import Failure
from petafit_benchmark.results import Result, command_of
from petafit_benchmark.table import BenchmarkTable, TableSample
from petafit_benchmark.trial import Judged, run_and_judge
from petafit_benchmark.tuning import Tuning

VALIDATION_SHARE = 0.5
"""Rows that a choice is validated on, for each that it is made with."""

TUNING_SECONDS = 600.0
RUN_SECONDS = 900.0


@dataclass
class Runner:
    """A table, and where contenders may work.

    Attributes
    ----------
    suite : str
    table : BenchmarkTable
    folder : Path
        Takes scratch files while a contender runs, and the logs.
    full_rows : int
        The table's size that all limits are stated for; a smaller one scales them down.
    tuning_rows : int
        How many rows every learner takes for each value of its grid.
    tunings : dict of str to Tuning
        By learner; filled as learners come up.
    """

    suite: str
    table: BenchmarkTable
    folder: Path
    full_rows: int
    tuning_rows: int
    tunings: dict[str, Tuning] = field(default_factory=dict)

    def measure(self, name: str) -> Result:
        """Tune a contender's learner if nobody has, let it learn, and judge its predictions.

        One that cannot be measured gives a result that says why.
        """
        contender = load_contender(name)
        result = self._blank(name, contender)
        tuning = self._tuning(name, contender)
        if isinstance(tuning, Failure):
            return replace(result, status=tuning.status, error=tuning.error)
        sample = self._sample(contender)
        spec = self._spec(sample, self.table.spec.test, tuning.chosen if tuning else None)
        judged = self._run(name, [spec], title=name, seconds=RUN_SECONDS)
        if isinstance(judged, Failure):
            return replace(result, status=judged.status, error=judged.error)
        ((trained, quality),) = judged.runs
        return replace(
            result.with_trained(trained, quality),
            peak_memory_bytes=judged.peak_memory,
            extrapolated=sample.rows < self.table.spec.rows,
            tuned={tuning.tunes: tuning.chosen} if tuning else {},
        )

    def _tuning(self, name: str, contender: Contender) -> Tuning | Failure | None:
        """What was chosen for the contender's learner; None where there is nothing to choose."""
        if contender.GRID is None:
            return None
        if contender.LEARNER not in self.tunings:
            chosen = self._tune(name, contender, contender.GRID)
            if isinstance(chosen, Failure):
                return chosen
            self.tunings[contender.LEARNER] = chosen
        return self.tunings[contender.LEARNER]

    def _tune(self, name: str, contender: Contender, grid: Sequence[float]) -> Tuning | Failure:
        """Validate every value on the newest training rows, learning from those before."""
        most = min(self._scaled(self.tuning_rows), self.table.spec.rows // 2)
        validation = self.table.newest(int(VALIDATION_SHARE * most))
        wanted = min(most, self._scaled(contender.MOST_ROWS or self.tuning_rows))
        sample = self.table.newest(wanted, before=validation.rows)
        specs = [self._spec(sample, validation.folder, value) for value in grid]
        judged = self._run(name, specs, title=f"{name}-tuning", seconds=TUNING_SECONDS)
        if isinstance(judged, Failure):
            return Failure(judged.status, f"while its {contender.TUNES} was chosen: {judged.error}")
        return Tuning(
            suite=self.suite,
            table=self.table.facts["name"],
            learner=contender.LEARNER,
            tunes=contender.TUNES,
            contender=name,
            rows=sample.rows,
            validation_rows=validation.rows,
            grid=tuple(grid),
            log_losses=tuple(quality.log_loss for _, quality in judged.runs if quality),
        )

    def _run(
        self, name: str, specs: Sequence[Spec], *, title: str, seconds: float
    ) -> Judged | Failure:
        return run_and_judge(
            name,
            specs,
            scratch=self.folder / "scratch" / title,
            log=self.folder / "logs" / f"{self.suite}-{title}.log",
            seconds=seconds,
        )

    def _sample(self, contender: Contender) -> TableSample:
        """The training rows for a contender: all, or the newest so many of a slower one."""
        if contender.MOST_ROWS is None:
            return TableSample(self.table.spec.train, self.table.spec.rows)
        return self.table.newest(self._scaled(contender.MOST_ROWS))

    def _spec(self, sample: TableSample, test: str, value: float | None) -> Spec:
        return replace(
            self.table.spec, train=sample.folder, rows=sample.rows, test=test, tuned=value
        )

    def _scaled(self, rows: int) -> int:
        """A number of rows that is stated for `full_rows`, for the table at hand."""
        return max(1, int(rows * min(1.0, self.table.facts["rows"] / self.full_rows)))

    def _blank(self, name: str, contender: Contender) -> Result:
        rows = self.table.facts["rows"]
        return Result(
            contender=name,
            title=contender.TITLE,
            suite=self.suite,
            table=self.table.facts["name"],
            cores=contender.CORES,
            command=command_of(self.suite, rows, name),
        )
