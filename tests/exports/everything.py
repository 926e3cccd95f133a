"""A small table with every kind of column, and tasks whose models can be exported."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.config.settings import Settings

ROWS = 1500

FEATURES: tuple[dict[str, Any], ...] = (
    {"numeric": ["speed", "count", "price"], "indicator": "auto"},
    {"numeric": ["visits", "tiny"], "log1p": True, "impute": "none", "scale": "minmax"},
    {"numeric": ["constant"], "impute": 7, "scale": "none"},
    {"binned": ["amount", "code"], "edges": [-2, 0, 1.5, 3]},
    {"binned": ["speed", "count", "constant"], "edges": "quantiles", "bins": 8},
    {"categorical": ["city", "it's a.`name`", "code", "long"]},
    {"boolean": "yes"},
    {"date": ["day"], "parts": ["year", "month", "day", "day_of_week"]},
    {"date": ["instant"], "parts": ["year", "month", "day", "day_of_week", "hour", "minute"]},
    {"date": ["local"], "parts": ["day_of_week", "hour"]},
    {"cross": [["city", "code"], ["amount_bin", "yes", "instant_hour"]]},
)
CYCLIC: tuple[dict[str, Any], ...] = (
    {"date": ["instant", "day"], "parts": ["month", "day_of_week"], "cyclic": True},
    {"date": ["local"], "parts": ["hour", "minute", "day"], "cyclic": True},
)
TEXTS: tuple[dict[str, Any], ...] = (
    {"text": "words"},
    {"text": "phrase", "analyzer": "char", "lowercase": False, "ngrams": [2, 3]},
    {"text": "plain", "norm": "none", "ngrams": [1, 3]},
)

_CITIES = (
    *("Zürich", "東京", "", "it's", r"back\\slash", "$HOME", "São Paulo", "e\u0301", "😀 city"),
    "x" * 70,
)
_WORDS = (
    *("Straße", "İstanbul", "ΣΑΣ", "red", "RED", "O'Hare", "東京", "naïve", "😀", "a_b", "3.5"),
    "¿qué?",
)


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Rows of all kinds, a tenth of each column missing; the label follows some of them."""
    random = np.random.default_rng(seed)
    code = random.integers(-3, 5, rows)
    speed = random.normal(100, 15, rows)
    speed[::17] = np.nan
    seconds = random.integers(-(10**9), 2 * 10**9, rows)
    moments = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(s)) for s in seconds]
    texts = [
        " ".join(random.choice(_WORDS, random.integers(0, 9))) + ("!" if n % 3 else "\u3000")
        for n in range(rows)
    ]
    margin = (code - 1) / 2 + (np.nan_to_num(speed, nan=100) - 100) / 15
    columns: dict[str, pa.Array] = {
        "speed": pa.array(speed),
        "count": pa.array(random.poisson(3, rows), pa.int16()),
        "price": pa.array(np.round(random.normal(0, 50, rows), 2)).cast(pa.decimal128(9, 2)),
        "visits": pa.array(random.poisson(900, rows) - 2),
        "tiny": pa.array(random.normal(0, 1e-9, rows).astype(np.float32)),
        "constant": pa.array(np.full(rows, 3.0)),
        "amount": pa.array(random.normal(0, 3, rows)),
        "code": pa.array(code, pa.int32()),
        "city": pa.array(random.choice(_CITIES, rows)),
        "it's a.`name`": pa.array(random.choice(["a", "b"], rows)),
        "long": pa.array(random.choice([2**62 + 1, -(2**62) - 1, 5], rows)),
        "yes": pa.array(random.random(rows) < 0.5),
        "day": pa.array([m.date() for m in moments], pa.date32()),
        "instant": pa.array(moments, pa.timestamp("us", "America/New_York")),
        "local": pa.array([m.replace(tzinfo=None) for m in moments], pa.timestamp("us")),
        "words": pa.array(texts),
        "phrase": pa.array(texts[::-1]),
        "plain": pa.array(texts[1:] + texts[:1]),
    }
    gaps = {
        name: pa.compute.if_else(pa.array(random.random(rows) < 0.9), column, None)
        for name, column in columns.items()
    }
    return pa.table(
        {
            **gaps,
            "id": np.arange(rows),
            "late": random.random(rows) < 1 / (1 + np.exp(-margin)),
            "kind": pa.array([f"kind {n}" for n in np.clip(code, -1, 1)]),
            "items": random.poisson(np.exp(margin / 3)),
            "value": 1000 + 50 * margin,
        }
    )


def settings_in(folder: Path, **changes: Any) -> Settings:
    """A task on the table: the first half trains, so that the others have unseen values."""
    where = folder / "table"
    where.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(), where / "rows.parquet", row_group_size=300)
    plain: dict[str, Any] = {
        "task": "everything",
        "engine": "local",
        "paths": {name: str(folder / name) for name in ("data", "runs", "models")},
        "table": str(where),
        "label": "late",
        "keys": ("id",),
        "split": {"train": f"id < {ROWS // 2}", "test": f"id >= {ROWS // 2}"},
        "features": FEATURES,
        "hash_bits": 10,
        "training": {"shards": 2, "rounds": 2},
        "export": {"output": str(folder / "exported")},
    }
    return Settings.model_validate({**plain, **changes})
