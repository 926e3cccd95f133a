"""The benchmark's tables: generated once, split by time into training rows and test rows."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import petafit
from petafit.config.settings import Settings
from petafit.datasets.clicks import INTEGER_COLUMNS, STRING_COLUMNS
from petafit.errors import StorageError
from petafit.store import disk
from petafit.store.plain import to_json
from petafit_benchmark import rows
from petafit_benchmark.contender import Spec, parquet_files

TRAIN = "train"
TEST = "test"
_PROPERTIES = "table.json"
_READ_BYTES = 1 << 24

DAYS = 10
CLASSES = 60

CLICKS = {
    "label": "click",
    "classes": (0, 1),
    "integers": tuple(column.name for column in INTEGER_COLUMNS),
    "strings": tuple(column.name for column in STRING_COLUMNS),
    "hash_bits": 20,
}
TEXTS = {
    "label": "label",
    "classes": tuple(f"class {number:02d}" for number in range(CLASSES)),
    "text": "text",
    "ngrams": (3, 5),
    "hash_bits": 18,
}


class TableSample(NamedTuple):
    """A folder with some of a table's rows."""

    folder: str
    rows: int


@dataclass(frozen=True)
class BenchmarkTable:
    """A whole table on the local disk, and samples of it.

    Attributes
    ----------
    folder : Path
        Contains `train` and `test`, and the properties as ``table.json``.
    properties : dict
        Name, rows, rows of each part, and the best possible log-loss if it is known.
    spec : Spec
        Columns, classes and folders, for every contender.
    """

    folder: Path
    properties: dict[str, Any]
    spec: Spec

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        columns: dict[str, Any],
        generate: Callable[[Path], dict[str, Any]],
    ) -> Self:
        """Open the table in a folder; generate it if it is missing or incomplete.

        Parameters
        ----------
        columns : dict
            Fields of `Spec` that describe the columns.
        generate : callable
            Fills an empty folder with the folders ``train`` and ``test``; returns further
            properties.

        Raises
        ------
        StorageError
            The generator left one of them empty.
        """
        properties = _read_properties(folder)
        if properties is None:
            properties = _generate(folder, generate)
        _read_once(folder)
        spec = Spec(
            train=str(folder / TRAIN),
            test=str(folder / TEST),
            rows=properties["train_rows"],
            work="",
            **columns,
        )
        return cls(folder, properties, spec)

    def newest(self, wanted: int, *, before: int = 0) -> TableSample:
        """The newest training rows, in their order; all where there are fewer.

        Parameters
        ----------
        before : int
            Rows to skip at the end.
        """
        left = self.spec.rows - before
        taken = min(wanted, left)
        if taken == self.spec.rows:
            return TableSample(self.spec.train, taken)
        folder = self.folder / (f"newest-{taken}" + (f"-before-{before}" if before else ""))
        rows.write_rows(self.spec.files, folder, skip=left - taken, rows=taken)
        return TableSample(str(folder), taken)


def clicks_table(folder: Path, settings: Settings, *, rows: int) -> BenchmarkTable:
    """Make a click log with a known best log-loss; generated once.

    Parameters
    ----------
    folder : Path
        Folder of all benchmark tables.
    settings : Settings
        Engine and Spark to generate it with, and the dataset's seed.
    """
    return _generated("clicks", folder, settings, rows=rows, columns=CLICKS)


def texts_table(folder: Path, settings: Settings, *, rows: int) -> BenchmarkTable:
    """Make short texts of 60 classes; parameters as in `clicks_table`."""
    return _generated("texts", folder, settings, rows=rows, columns=TEXTS)


def _generated(
    name: str, folder: Path, settings: Settings, *, rows: int, columns: dict[str, Any]
) -> BenchmarkTable:
    given = settings.dataset
    seed = getattr(given, "seed", 1) if given and given.name == name else 1
    dataset = {"name": name, "rows": rows, "days": DAYS, "seed": seed, "format": "parquet"}

    def generate(staging: Path) -> dict[str, Any]:
        best = _prepare(staging, settings, dataset=dataset, label=columns["label"])
        (staging / TEST).mkdir()
        last = f"day={DAYS - 1}"
        (staging / TRAIN / last).rename(staging / TEST / last)
        shutil.rmtree(staging / "runs")
        return {"seed": seed, "days": DAYS, **best}

    return BenchmarkTable.make(folder / f"{name}-{rows}-{seed}", columns=columns, generate=generate)


def _prepare(
    staging: Path, settings: Settings, *, dataset: dict[str, Any], label: str
) -> dict[str, Any]:
    """Generate all days as training rows; returns the metrics of the best possible model."""
    task = Settings.model_validate(
        {
            "task": "benchmark",
            "engine": settings.engine,
            "spark": settings.spark,
            "paths": {"runs": str(staging / "runs")},
            "dataset": dataset,
            "table": {"uri": str(staging / TRAIN), "format": "parquet"},
            "label": label,
            "split": {"train": f"day < {DAYS - 1}", "test": f"day == {DAYS - 1}"},
            "training": {"shards": 2},  # the same files on either engine
        }
    )
    metrics = petafit.prepare(task).manifest["metrics"]
    return {figure: value for figure, value in metrics.items() if figure.startswith("best_")}


def _generate(folder: Path, generate: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Generate the table in a staging folder, which is renamed when it is complete."""
    staging = folder.with_name(f"{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    further = generate(staging)
    counts = {part: rows.count(parquet_files(str(staging / part))) for part in (TRAIN, TEST)}
    if not all(counts.values()):
        raise StorageError(
            f"The table {folder} was generated without training rows or without test rows"
        )
    properties = {
        "name": folder.name,
        "rows": sum(counts.values()),
        "train_rows": counts[TRAIN],
        "test_rows": counts[TEST],
        **further,
        "files": _sizes(staging),
    }
    disk.replace(staging / _PROPERTIES, to_json(properties))
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    return properties


def _read_once(folder: Path) -> None:
    """Read the files into the page cache: the first contender should not wait for the disk."""
    for part in (TRAIN, TEST):
        for name in parquet_files(str(folder / part)):
            with Path(name).open("rb") as file:
                while file.read(_READ_BYTES):
                    pass


def _read_properties(folder: Path) -> dict[str, Any] | None:
    """The properties of a table, if all its files are as they were written."""
    try:
        properties = dict(json.loads((folder / _PROPERTIES).read_text()))
    except (OSError, ValueError):
        return None
    return properties if properties.get("files") == _sizes(folder) else None


def _sizes(folder: Path) -> dict[str, int]:
    """The size of every file of both parts, by its path."""
    parts = (parquet_files(str(folder / part)) for part in (TRAIN, TEST))
    return {str(Path(f).relative_to(folder)): Path(f).stat().st_size for p in parts for f in p}
