"""Clicks of some days in a partitioned table, one of them with wrong labels, and a task on it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from petafit.config.settings import Settings

DAYS = 8
BAD = 4


def clicks(rows: int = 400, *, bad: int | None = BAD, seed: int = 0) -> pa.Table:
    """So many rows a day; on a bad day every label is flipped."""
    random = np.random.default_rng(seed)
    days = np.repeat(np.arange(1, DAYS + 1), rows)
    # Each day also has ads of its own, which no other day has.
    ad = np.where(random.random(len(days)) < 0.8, random.integers(0, 12, len(days)), 100 + days)
    speed = random.normal(size=len(days))
    margin = (ad % 12 - 6) / 2 + speed
    click = random.random(len(days)) < 1 / (1 + np.exp(-margin))
    value = margin + random.normal(size=len(days))
    flipped = days == bad
    return pa.table(
        {
            "day": pa.array(days, pa.int32()),
            "ad": pa.array([f"ad {number}" for number in ad]),
            "speed": speed,
            "click": click ^ flipped,
            "value": np.where(flipped, -value, value),
        }
    )


def write_days(folder: Path, rows: pa.Table) -> None:
    """One folder a day, as Hive has them."""
    ds.write_dataset(
        rows, folder, format="parquet", partitioning=["day"], partitioning_flavor="hive"
    )


def days_in(folder: Path, **changes: object) -> Settings:
    """The table in a folder, and a task that keeps each day's summary."""
    write_days(folder / "days", clicks())
    asked = {
        "label": "click",
        "learner": "petafit.OnlineLinearClassifier",
        "training": {"keep_summaries": "day", "merge": "evidence", "batch_rows": 128},
        "explain": {"influence": "partitions"},
    }
    return Settings(
        task="days",
        engine="local",
        paths={name: str(folder / name) for name in ("data", "runs", "models")},
        table=str(folder / "days"),
        split={"train": "day <= 6", "test": "day > 6"},
        features=[{"numeric": "speed", "scale": "none"}, {"categorical": "ad"}],
        hash_bits=8,
        **{**asked, **changes},
    )
