"""The tables petafit generates, the last of their ten days held out."""

import shutil
from pathlib import Path
from typing import Any

import petafit
from petafit.config.settings import Settings
from petafit.datasets.clicks import INTEGER_COLUMNS, STRING_COLUMNS
from petafit_benchmark.table import TEST, TRAIN, BenchmarkTable

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


def clicks_table(folder: Path, settings: Settings, *, rows: int) -> BenchmarkTable:
    """A click log with a known best log-loss.

    Parameters
    ----------
    folder : Path
        Of all benchmark tables.
    settings : Settings
        Where and how to generate it: its engine, its Spark, its dataset's seed.
    """
    return _table("clicks", folder, settings, rows=rows, columns=CLICKS)


def texts_table(folder: Path, settings: Settings, *, rows: int) -> BenchmarkTable:
    """Short texts of 60 classes; parameters as `clicks_table`."""
    return _table("texts", folder, settings, rows=rows, columns=TEXTS)


def _table(
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
    """Generate all days as the training part; returns the best that any model can do."""
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
