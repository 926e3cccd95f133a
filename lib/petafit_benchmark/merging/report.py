"""``merging.json``: the results of the suite `merging`, by training and target."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

from petafit.store import disk
from petafit.store.plain import to_json
from petafit_benchmark.merging.cases import TRAININGS
from petafit_benchmark.merging.targets import MERGING
from petafit_benchmark.record import Record
from petafit_benchmark.results import Result
from petafit_benchmark.targets import measure_targets

FILE = "merging.json"

_ABOVE = "above_sequential"


class MergingReport:
    """The results on one table, each merged model compared with the best sequential one."""

    def __init__(self, folder: Path, results: dict[str, Result]) -> None:
        self._folder = folder
        self._results = results

    @classmethod
    def begin(cls, folder: Path, *, suite: str, table: str) -> Self:
        """Start from the results that the record in a folder has of this suite and table."""
        kept = (r for r in Record.read(folder).results if (r.suite, r.table) == (suite, table))
        return cls(folder, {result.contender: result for result in kept})

    def add(self, result: Result) -> Result:
        """Add a result, which replaces the contender's former one, and write the file.

        Returns
        -------
        Result
            With the figure ``above_sequential`` if a sequential model was measured on its rows.
        """
        compared = self._compared(result)
        self._results[result.contender] = compared
        self._write()
        return compared

    def outdated(self) -> Iterator[Result]:
        """The results whose ``above_sequential`` has changed since they were added."""
        for result in list(self._results.values()):
            if self._compared(result) != result:
                yield self.add(result)

    def _compared(self, result: Result) -> Result:
        training = TRAININGS.get(result.contender)
        if training is None or not training.rivals:
            return result
        rivals = (self._results.get(name) for name in training.rivals)
        losses = [rival.log_loss for rival in rivals if rival and rival.log_loss is not None]
        figures = {figure: value for figure, value in result.figures.items() if figure != _ABOVE}
        if losses and result.log_loss is not None:
            figures[_ABOVE] = result.log_loss - min(losses)
        return replace(result, figures=figures)

    def _write(self) -> None:
        known = (self._results[name] for name in TRAININGS if name in self._results)
        targets = measure_targets(list(self._results.values()), MERGING)
        content = {
            "trainings": [_training_of(result) for result in known],
            "bars": [target.as_json() for target in targets],
        }
        disk.replace(self._folder / FILE, to_json(content))


def _training_of(result: Result) -> dict[str, object]:
    case, seed, _ = TRAININGS[result.contender]
    return {
        "learner": "petafit.OnlineLinearClassifier",
        "case": result.contender,
        "seed": seed,
        "shards": case.shards,
        "rule": case.rule,
        "passes": case.passes,
        "learning_rate": case.learning_rate,
        "log_loss": result.log_loss,
        _ABOVE: result.figures.get(_ABOVE),
        "accuracy": result.accuracy,
        "seconds": result.seconds,
        "driver_peak_memory_bytes": result.figures.get("driver_peak_memory_bytes"),
        "status": result.status,
    }
