"""A small table with a known signal, and a task on it that needs no JVM."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.config.settings import Settings

ROWS = 6000


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Rows whose label follows `city` and `speed`, over twelve months."""
    random = np.random.default_rng(seed)
    city = random.integers(0, 20, rows)
    speed = random.normal(100, 15, rows)
    margin = (city - 10) / 4 + (speed - 100) / 15
    late = random.random(rows) < 1 / (1 + np.exp(-margin))
    return pa.table(
        {
            "id": np.arange(rows),
            "month": (np.arange(rows) * 12 // rows + 1).astype(np.int32),
            "city": pa.array([f"city {code}" for code in city]),
            "speed": pa.array(speed, mask=random.random(rows) < 0.05),
            "weekend": random.random(rows) < 0.3,
            "late": late,
        }
    )


def write_table(folder: Path, content: pa.Table) -> None:
    """One Parquet file for each month, with small row groups."""
    folder.mkdir(parents=True)
    for month in range(1, 13):
        part = content.filter(pa.compute.equal(content["month"], month))
        pq.write_table(part, folder / f"month-{month:02d}.parquet", row_group_size=200)


def replace_column(name: str, values: object) -> pa.Table:
    """The small table with other values in a column."""
    content = table()
    return content.set_column(content.schema.get_field_index(name), name, pa.array(values))


def rewrite(settings: Settings, content: pa.Table) -> None:
    """Let the task's table hold this instead."""
    folder = Path(settings.table.uri)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    write_table(folder, content)


def settings_in(folder: Path) -> Settings:
    """The small table in a folder, and a task on it: the local engine, three shards."""
    write_table(folder / "table", table())
    return Settings(
        task="small",
        engine="local",
        paths={name: str(folder / name) for name in ("data", "runs", "models")},
        table=str(folder / "table"),
        label="late",
        keys=("id",),
        split={"train": "month <= 9", "test": "month >= 10"},
        features=[{"numeric": "speed"}, {"categorical": "city"}, {"boolean": "weekend"}],
        hash_bits=12,
        training={"shards": 3, "rounds": 2, "batch_rows": 100},
    )


def with_settings(settings: Settings, **changes: object) -> Settings:
    """The settings with some changed; nested ones are merged."""
    plain = settings.model_dump()
    for name, value in changes.items():
        merged = isinstance(value, dict) and isinstance(plain[name], dict)
        plain[name] = {**plain[name], **value} if merged else value
    return Settings(**plain)
