"""Tables for `petafit init`, and a check that the task files it writes work."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.features.spec import resolve
from petafit.learners.registry import describe
from petafit.table.filters.split import select
from petafit.table.opening import open_table

ROWS = 1200


def clicks() -> pa.Table:
    """A label, an id, a running day, a number, a category, a flag and nothing at all."""
    row = range(ROWS)
    return pa.table(
        {
            "click": pa.array([i % 4 == 0 for i in row]),
            "user_id": pa.array([i % 7 for i in row], pa.int32()),
            "day": pa.array([i // 120 for i in row], pa.int32()),
            "price": pa.array([None if i % 10 == 0 else i / 7 for i in row]),
            "site": [f"site {i % 30}" for i in row],
            "new": [i % 3 == 0 for i in row],
            "nothing": pa.nulls(ROWS, pa.string()),
            "tags": [["a"]] * ROWS,
            "request": [f"{i:x}" for i in row],
        }
    )


def save(table: pa.Table, name: str = "clicks") -> str:
    folder = Path("data", name)
    folder.mkdir(parents=True)
    pq.write_table(table, folder / "part-0.parquet", row_group_size=100)
    return str(folder)


def check_works(path: Path) -> Settings:
    """The file's task resolves against its table: settings, learner, features and selections."""
    loaded = load_settings(task=path.stem, conf=path.parents[1]).settings
    schema = open_table(loaded.table).schema
    assert describe(loaded.learner).kind in ("classifier", "regressor")
    resolve(loaded.features, schema, label=loaded.label.column, keys=loaded.keys)
    for part in ("train", "test"):
        select(loaded, part).check(schema)
    return loaded
