"""Sampled rows of small generated tables."""

import numpy as np
import pyarrow as pa

from petafit.suggestion.residuals import LabelKind, LabelledRows
from petafit.suggestion.seen import Seen


def labelled(kind: LabelKind = "classes", **columns: object) -> LabelledRows:
    """Return rows whose label is the column y, in halves drawn at random."""
    rows = pa.table(columns)
    half = np.random.default_rng(1).random(rows.num_rows) < 0.5
    return LabelledRows(rows, "y", kind, half)


def seen(rows: LabelledRows) -> list[Seen]:
    """Return the findings about all columns but the label."""
    table = rows.rows
    return [Seen.of(name, table.column(name)) for name in table.column_names if name != "y"]
