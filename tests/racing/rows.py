"""Encoded rows and candidates for the tests of races."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa

from petafit.config.feature_groups import (
    CategoricalFeatures,
    CrossFeatures,
    NumericFeatures,
    TextFeatures,
)
from petafit.config.settings import LearnerChoice
from petafit.features.encoder import Encoder
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.racing.candidate import Candidate

LINEAR = "petafit.OnlineLinearClassifier"
GROUPS = (
    NumericFeatures(numeric=("speed", "height")),
    CategoricalFeatures(categorical=("city", "kind")),
    CrossFeatures(cross=(("city", "kind"),)),
    TextFeatures(text=("remark",)),
)


def raw(rows: int = 4000, seed: int = 0) -> pa.RecordBatch:
    """Rows with missing values and a few huge ones; the label follows city, kind and speed."""
    random = np.random.default_rng(seed)
    city, kind = random.integers(0, 30, rows), random.integers(0, 8, rows)
    speed, height = random.normal(size=rows), random.normal(size=rows)
    speed[::701] = 1e6
    chance = 1 / (1 + np.exp(-(speed.clip(-3, 3) + (city % 3 - 1) + (kind % 2) * (city % 2))))
    words = np.array(["red", "green", "blue", "old", "new", "very"])
    return pa.record_batch(
        {
            "speed": speed,
            "height": pa.array(height, mask=random.random(rows) < 0.1),
            "city": pa.array([f"c{n}" for n in city], mask=random.random(rows) < 0.05),
            "kind": [f"k{n}" for n in kind],
            "remark": [" ".join(random.choice(words, 3)) for _ in range(rows)],
            "bought": (random.random(rows) < chance).astype(np.int64),
            "weight": random.integers(0, 3, rows).astype(np.float64),
        }
    )


@cache
def encoder(
    bits: int = 10, *, weighted: bool = False, tracing: bool = True, groups: tuple = GROUPS
) -> Encoder:
    """An encoder of these rows."""
    table = raw()
    features = resolve(groups, table.schema, label="bought", weight="weight")
    profile = Profile(features, label="bought", kind="classes")
    return Encoder(
        features,
        profile.finish(profile.reduce(profile.start(), table)),
        hash_bits=bits,
        label="bought",
        weight="weight" if weighted else None,
        tracing=tracing,
    )


def batches(rows: pa.RecordBatch | None = None, size: int = 500) -> Iterator[pa.RecordBatch]:
    """The rows in batches."""
    table = raw() if rows is None else rows
    for first in range(0, table.num_rows, size):
        yield table.slice(first, size)


def candidate(
    name: str, *, bits: int = 10, without: frozenset[int] = frozenset(), **params: object
) -> Candidate:
    """A linear candidate."""
    choice = LearnerChoice(name=LINEAR, params={"learning_rate": 0.1, **params})
    return Candidate(name, choice, bits, without)
