"""Results and tables that tests make up."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from petafit_benchmark.contender import ContenderRun
from petafit_benchmark.results import Result
from petafit_benchmark.table import BenchmarkTable
from petafit_benchmark.target import TargetResult
from petafit_benchmark.targets import measure_targets

_ROOT = Path(__file__).parents[2]
IMPORT_PATH = os.pathsep.join((str(_ROOT), str(_ROOT / "lib")))
"""Where contenders, each a process of its own, find the toys and this code."""

COLUMNS = {"label": "y", "classes": (0, 1), "integers": ("x",)}


def result(contender: str, **fields: object) -> Result:
    """A successful result, by default of 1,000 rows in a second."""
    known = {
        "cores": 1,
        "suite": "clicks",
        "table": "clicks-1000-1",
        "title": contender.replace("_", " "),
        "rows": 1000,
        "seconds": 1.0,
        "rows_per_second": 1000.0,
        "log_loss": 0.5,
        "log_loss_ci": (0.49, 0.51),
        "auc": 0.8,
        "auc_ci": (0.79, 0.81),
        "peak_memory_bytes": 10**9,
    }
    return Result(**{**known, "contender": contender, **fields})


def target_of(words: str, *results: Result) -> TargetResult:
    """The one target whose figure has these words, compared with the results."""
    (target,) = (target for target in measure_targets(results) if words in target.figure)
    return target


def contender_run(**fields: object) -> ContenderRun:
    """The run of a contender that took a second and predicts nothing."""
    return ContenderRun(**{"rows": 1000, "seconds": 1.0, "predictions": None, **fields})


def table(folder: Path, *, train: int = 2000, test: int = 400) -> BenchmarkTable:
    """A table of rows numbered in `x`, a quarter of them positive."""

    def generate(staging: Path) -> dict[str, object]:
        for part, first, rows in (("train", 0, train), ("test", train, test)):
            (staging / part).mkdir()
            x = pa.array(range(first, first + rows), pa.int64())
            y = pa.array([int(i % 4 == 0) for i in range(rows)], pa.int8())
            half = rows // 2
            for number, span in enumerate((slice(0, half), slice(half, None))):
                content = pa.table({"x": x[span], "y": y[span]})
                pq.write_table(content, staging / part / f"{number}.parquet", row_group_size=100)
        return {"seed": 7}

    return BenchmarkTable.make(folder, columns=COLUMNS, generate=generate)
