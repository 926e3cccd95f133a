"""Rows that Hypothesis draws, in the forms in which aggregators take them."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from petafit.config.feature_groups import CategoricalFeatures, NumericFeatures
from petafit.config.settings import ColumnRule, Contract
from petafit.evaluation.metrics import Scored
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder, Layout
from petafit.features.encoding.batch import Batch
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.table.contract import compile_checks

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("month", pa.int32()),
        ("city", pa.string()),
        ("speed", pa.float64()),
        ("late", pa.bool_()),
        ("sort", pa.string()),
        ("delay", pa.float64()),
        ("chance", pa.float64()),
        ("weight", pa.float64()),
    ]
)
SORTS = ("a", "b", "c")
FEATURES = resolve(
    (NumericFeatures(numeric="speed"), CategoricalFeatures(categorical="city")),
    pa.schema([SCHEMA.field("speed"), SCHEMA.field("city")]),
    label="late",
)
CHECKS = compile_checks(Contract(columns={"speed": ColumnRule(max=250)}), SCHEMA)
HASH_BITS = 5

_ROW = st.tuples(
    st.integers(1, 2),
    st.sampled_from(["x", "y", "ä", ""]) | st.none(),
    st.floats(0.5, 300) | st.none() | st.just(float("nan")),
    st.booleans(),
    st.sampled_from(SORTS),
    st.floats(1, 100),
    st.floats(0, 1),
    st.integers(0, 3).map(float),
)


@st.composite
def batches(draw: Any, least: int = 1) -> list[pa.RecordBatch]:
    """One to six batches of up to eight rows, some empty; in some draws each has one class only."""
    sizes = st.lists(_ROW, max_size=8)
    parts = draw(st.lists(sizes, min_size=least, max_size=6))
    if draw(st.booleans()):
        rows = [row for part in parts for row in part]
        late = [[row for row in rows if row[3] == wanted] for wanted in (False, True)]
        parts = [part for whole in late for part in (whole[::2], whole[1::2])]
    made, first = [], 0
    for part in parts:
        made.append(_batch(part, first))
        first += len(part)
    return made


def _batch(rows: Sequence[tuple[Any, ...]], first: int) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * (len(SCHEMA) - 1)
    ids = range(first, first + len(rows))
    arrays = [pa.array(c, kind) for c, kind in zip([ids, *columns], SCHEMA.types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def repeated(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Every row as often as it weighs, with weight 1."""
    times = batch.column("weight").to_numpy().astype(np.intp)
    rows = batch.take(pa.array(np.repeat(np.arange(len(times)), times)))
    return rows.set_column(len(SCHEMA) - 1, SCHEMA.field("weight"), pa.array(np.ones(len(rows))))


def twelve_rows() -> pa.RecordBatch:
    """Rows of all cities, months and classes."""
    rows = [
        (1 + k % 2, "xyä"[k % 3], 90.0 + k, k % 4 > 0, SORTS[k % 3], 1.0 + k, 0.5, 1.0)
        for k in range(12)
    ]
    return _batch(rows, 0)


@cache
def statistics() -> TableStatistics:
    """Facts of a table in which everything occurs."""
    profile = Profile(FEATURES, label="late", kind="classes")
    return profile.finish(profile.reduce(profile.start(), twelve_rows()))


@cache
def encoder(label: str = "late", layout: Layout = "csr") -> Encoder:
    known = (
        statistics() if label == "late" else replace(statistics(), classes=None, class_counts=None)
    )
    return Encoder(
        FEATURES, known, hash_bits=HASH_BITS, label=label, weight="weight", layout=layout
    )


def encoded(batch: pa.RecordBatch) -> Batch:
    """Rows that meet the contract, a third of them in the merge holdout."""
    validated = CHECKS.validate(batch)
    good = batch.slice(0, 0) if validated.good is None else validated.good
    holdout = good.column("id").to_numpy() % 3 == 0
    return replace(
        encoder()(good),
        holdout=holdout if holdout.any() else None,
        quarantined=validated.quarantined,
        example=validated.example,
    )


def scored(label: str, columns: int = 1, *, scale: float = 1.0) -> Any:
    """Makes predictions of a batch: probabilities as drawn, or margins at a scale."""

    def make(batch: pa.RecordBatch) -> Scored:
        chance = batch.column("chance").to_numpy()
        if label == "sort":
            y = np.array([SORTS.index(sort) for sort in batch.column(label).to_pylist()], float)
        else:
            y = batch.column(label).cast(pa.float64()).to_numpy()
        prediction = chance if scale == 1 else scale * (chance - 0.5)
        if columns > 1:
            share = np.column_stack([chance, 1 - chance, np.full(len(chance), 0.5)])
            prediction = share / 1.5
        return Scored(y, prediction, batch.column("weight").to_numpy())

    return make
