"""A benchmark's table: generated once, cut by time into training rows and test rows."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

from petafit.errors import StorageError
from petafit.store.plain import to_json
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec, parquet_files

TRAIN = "train"
TEST = "test"
_FACTS = "table.json"
_READ_BYTES = 1 << 24


class TableSample(NamedTuple):
    """Some rows of a table, as a folder of their own."""

    folder: str
    rows: int


@dataclass(frozen=True)
class BenchmarkTable:
    """A whole table on the local disk, and samples of it.

    Attributes
    ----------
    folder : Path
        With `train` and `test` in it, and `facts` beside them.
    facts : dict
        What makes it: name, rows, rows of either part, the best log-loss where it is known.
    spec : Spec
        What every contender is told of it: columns, classes, folders.
    """

    folder: Path
    facts: dict[str, Any]
    spec: Spec

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        columns: dict[str, Any],
        generate: Callable[[Path], dict[str, Any]],
    ) -> Self:
        """The table in a folder; generated if it is not there, or no longer whole.

        Parameters
        ----------
        columns : dict
            Fields of `Spec` that say what the columns are.
        generate : callable
            Fills an empty folder with the folders ``train`` and ``test``; returns more facts.

        Raises
        ------
        StorageError
            The generator left a part empty.
        """
        facts = _read_facts(folder)
        if facts is None:
            facts = _generate(folder, generate)
        _read_once(folder)
        spec = Spec(
            train=str(folder / TRAIN),
            test=str(folder / TEST),
            rows=facts["train_rows"],
            work="",
            **columns,
        )
        return cls(folder, facts, spec)

    def newest(self, wanted: int, *, before: int = 0) -> TableSample:
        """The newest training rows, in their order; all of them where fewer are left.

        Parameters
        ----------
        before : int
            Rows to leave out at the end.
        """
        left = self.spec.rows - before
        taken = min(wanted, left)
        if taken == self.spec.rows:
            return TableSample(self.spec.train, taken)
        folder = self.folder / (f"newest-{taken}" + (f"-before-{before}" if before else ""))
        rows.write_rows(self.spec.files, folder, skip=left - taken, rows=taken)
        return TableSample(str(folder), taken)


def _generate(folder: Path, generate: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Put the table together beside its place; it gets its name when it is whole."""
    staging = folder.with_name(f"{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    more = generate(staging)
    counts = {part: rows.count(parquet_files(str(staging / part))) for part in (TRAIN, TEST)}
    if not all(counts.values()):
        raise StorageError(f"The table {folder} came out without rows to train or to test on")
    facts = {
        "name": folder.name,
        "rows": sum(counts.values()),
        "train_rows": counts[TRAIN],
        "test_rows": counts[TEST],
        **more,
        "files": _sizes(staging),
    }
    (staging / _FACTS).write_bytes(to_json(facts))
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    return facts


def _read_once(folder: Path) -> None:
    """Bring the files into the system's memory: the first contender should not pay for the disk."""
    for part in (TRAIN, TEST):
        for name in parquet_files(str(folder / part)):
            with Path(name).open("rb") as file:
                while file.read(_READ_BYTES):
                    pass


def _read_facts(folder: Path) -> dict[str, Any] | None:
    """What is known of a table, if all of its files are there as they were written."""
    try:
        facts = dict(json.loads((folder / _FACTS).read_text()))
    except (OSError, ValueError):
        return None
    return facts if facts.get("files") == _sizes(folder) else None


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of every file of both parts, by its path."""
    parts = (parquet_files(str(folder / part)) for part in (TRAIN, TEST))
    return {str(Path(f).relative_to(folder)): Path(f).stat().st_size for p in parts for f in p}
