"""``benchmark.json``: all measurements, in one file that later runs add to."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from petafit.errors import StorageError
from petafit.store import disk
from petafit.store.plain import to_json
from petafit_benchmark.results import Result, Tuning
from petafit_benchmark.suite import Bench
from petafit_benchmark.target import TargetResult
from petafit_benchmark.targets import measure_targets

FILE = "benchmark.json"
_FORMAT = 1


@dataclass(frozen=True)
class Record:
    """The measurements of all suites.

    Attributes
    ----------
    machine : dict
        The machine of the last measurement.
    tables : dict
        By suite, the properties of its table: see `BenchmarkTable`.
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
        """The performance targets, and whether they are met."""
        return measure_targets(self.results)

    def with_result(self, new: Result, bench: Bench, *, order: Sequence[str]) -> Self:
        """Add a result.

        It replaces the contender's former result, and those of its suite on another table.

        Parameters
        ----------
        bench : Bench
            The run of the suite; its tables and tunings are added, too.
        order : sequence of str
            The suite's contenders in the order of the list.
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
        """Write the file, atomically."""
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
        """Read the record in a folder; an empty one if there is none.

        Raises
        ------
        StorageError
            The file is not a record of this format.
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


def describe_machine() -> dict[str, Any]:
    """Describe the machine, with the time of the measurement."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": _cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
