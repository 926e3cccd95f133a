"""``benchmark.json``: what was measured so far, in one file that later runs add to."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from petafit.errors import StorageError
from petafit.store import disk
from petafit.store.plain import to_json
from petafit_benchmark.machine import describe_machine
from petafit_benchmark.results import Result
from petafit_benchmark.suite import Bench
from petafit_benchmark.target import TargetResult
from petafit_benchmark.targets import measure_targets
from petafit_benchmark.tuning import Tuning

FILE = "benchmark.json"
_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """Everything known, of all suites.

    Attributes
    ----------
    machine : dict
        What it was measured on last.
    tables : dict
        By suite, the facts of its table: see `petafit_benchmark.table.Table`.
    results : tuple of Result
        In the order of their suites.
    tunings : tuple of Tuning
    """

    machine: dict[str, Any]
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: tuple[Result, ...] = ()
    tunings: tuple[Tuning, ...] = ()

    @property
    def targets(self) -> list[TargetResult]:
        """What petafit must reach, and what it does."""
        return measure_targets(self.results)

    def with_result(self, new: Result, bench: Bench, *, order: Sequence[str]) -> Self:
        """With one more result.

        It takes the place of the contender's former one, and of all of its suite's that are of
        another table.

        Parameters
        ----------
        bench : Bench
            Where it comes from; what is known of tables and tunings is taken over.
        order : sequence of str
            The suite's contenders, as they are to be listed.
        """
        kept = [r for r in self.results if r.suite != new.suite]
        same = [r for r in self.results if r.suite == new.suite and r.table == new.table]
        same = [*(r for r in same if r.contender != new.contender), new]
        ranks = {name: rank for rank, name in enumerate(order)}
        same.sort(key=lambda result: ranks.get(result.contender, len(ranks)))
        chosen = {(t.suite, t.learner): t for t in (*self.tunings, *bench.tunings.values())}
        return type(self)(
            machine=describe_machine(),
            tables={**self.tables, **bench.tables},
            results=tuple(sorted([*kept, *same], key=lambda result: result.suite)),
            tunings=tuple(chosen.values()),
        )

    def write(self, folder: Path) -> Path:
        """Write it as one file, replaced at once."""
        content = {
            "format": _FORMAT,
            "machine": self.machine,
            "tables": self.tables,
            "contenders": [asdict(result) for result in self.results],
            "bars": [target.as_json() for target in self.targets],
            "tunings": [asdict(t) | {"chosen": t.chosen} for t in self.tunings],
        }
        path = folder / FILE
        disk.replace(path, to_json(content))
        return path

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The record in a folder; an empty one if there is none.

        Raises
        ------
        StorageError
            What is there is no record.
        """
        path = folder / FILE
        if not path.exists():
            return cls(describe_machine())
        try:
            content = json.loads(path.read_text())
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}")
            tunings = [{k: v for k, v in t.items() if k != "chosen"} for t in content["tunings"]]
            return cls(
                machine=content["machine"],
                tables=content["tables"],
                results=tuple(map(Result.from_json, content["contenders"])),
                tunings=tuple(map(Tuning.from_json, tunings)),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StorageError(
                f"{path} is no record of a benchmark that this petafit can read",
                got=f"{type(error).__name__}: {error}",
                hint="Choose another --output, or remove it.",
            ) from error
