"""Sampled rows that a task would train on, in two halves."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.suggestion.residuals import LabelKind, LabelledRows
from petafit.suggestion.seen import Seen
from petafit.suggestion.splits import Division
from petafit.table.columns import missing
from petafit.table.filters.predicate import parse

_BLOCKS = 10
_MOST_OUTPUTS = 8_000_000  # rows times classes


def training_rows(rows: pa.Table, label: Seen, division: Division | None) -> pa.Table:
    """Return the rows that have a label and are to train on."""
    values = rows.column(label.name)
    chosen = pc.invert(missing(values))
    if label.infinite:
        chosen = pc.and_(chosen, pc.fill_null(pc.is_finite(values.cast(pa.float64())), False))
    rows = rows.filter(chosen)
    if division is None or not rows.num_rows:
        return rows
    batch = rows.combine_chunks().to_batches()[0]
    for conditions, wanted in ((division.train, True), (division.validation, False)):
        mask = parse(conditions).mask(batch) if conditions else None
        if mask is not None:
            batch = batch.filter(mask if wanted else pc.invert(mask))
    return pa.Table.from_batches([batch])


def at_random(
    rows: pa.Table, label: str, kind: LabelKind, unicode: UnicodeForm | None
) -> LabelledRows:
    """Return rows in halves drawn at random, the same each time; fewer of many classes."""
    outputs = pc.count_distinct(rows.column(label)).as_py() if kind == "classes" else 1
    most = _MOST_OUTPUTS // max(1, outputs)
    if rows.num_rows > most:
        chosen = np.sort(np.random.default_rng(0).permutation(rows.num_rows)[:most])
        rows = rows.take(pa.array(chosen))
    half = np.random.default_rng(0).random(rows.num_rows) < 0.5
    return LabelledRows(rows, label, kind, half, unicode)


def by_time(rows: LabelledRows, column: str) -> LabelledRows:
    """Return the rows in halves of different times: every other of ten blocks of about equal size.

    What a column tells then counts only as far as it holds at other times, as in a test by time.
    """
    coded = rows.rows.column(column).combine_chunks()
    order = pc.rank(coded, sort_keys="ascending", tiebreaker="min").to_numpy() - 1
    block = order * _BLOCKS // max(1, len(order))
    return LabelledRows(rows.rows, rows.label, rows.kind, block % 2 == 1, rows.unicode)
