"""Measurements on sampled rows of columns that may be features: leaks, forms, text, crosses."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from petafit.config.feature_groups import FeatureGroup
from petafit.suggestion.crosses import CrossGain, best_crosses
from petafit.suggestion.fields import ColumnCells, by_bin, by_value
from petafit.suggestion.forms import (
    BINS,
    NumberForm,
    choose_form,
)
from petafit.suggestion.forward import changes, misleading
from petafit.suggestion.halves import by_time
from petafit.suggestion.leaks import Leak, find_leak
from petafit.suggestion.main_effects import first_forms, main_effects
from petafit.suggestion.residuals import LabelledRows, Residuals
from petafit.suggestion.seen import Seen
from petafit.suggestion.texts import TextScores, score_text

_FEWEST_ROWS = 100
_MOST_CROSSED = 60
_MOST_VALUES = 1000
_MOST_TRIED = 40


@dataclass
class Measured:
    """Findings on sampled rows; those of a table of few rows are none.

    Attributes
    ----------
    rows : int
        Number of rows measured on: with a label, and to train on.
    leaks : dict of str to Leak
        Columns that give the label away.
    misleading : list of str
        Columns without which later rows are predicted better.
    codes : list of str
        Numbers that stand for things.
    forms : dict of str to NumberForm
        Of all other numbers.
    texts : dict of str to TextScores
        How much n-grams of words and of characters tell.
    crosses : list of CrossGain
    """

    rows: int = 0
    leaks: dict[str, Leak] = field(default_factory=dict)
    misleading: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    forms: dict[str, NumberForm] = field(default_factory=dict)
    texts: dict[str, TextScores] = field(default_factory=dict)
    crosses: list[CrossGain] = field(default_factory=list)


def measure(
    columns: Sequence[Seen], rows: LabelledRows, *, time: str | None, taken: Collection[str]
) -> Measured:
    """Measure columns on sampled rows.

    Parameters
    ----------
    rows : LabelledRows
        In halves drawn at random.
    time : str or None
        The column by which the task is split, if later rows test.
    taken : collection of str
        Names that no feature may have.
    """
    found = Measured(rows.rows.num_rows)
    if found.rows < _FEWEST_ROWS or not _varies(rows):
        return found
    alone = rows.residuals(())
    changing: list[str] = []
    for column in columns:
        if column.analyzer is None and (leak := _leak_of(column, rows, alone)):
            found.leaks[column.name] = leak
    columns = [column for column in columns if column.name not in found.leaks]
    if time is not None:
        at_random, rows = alone, by_time(rows, time)
        alone = rows.residuals(())
        changing = _changing(columns, rows, alone, at_random)
        found.misleading = _misleading(columns, rows, alone, time, changing)
        columns = [column for column in columns if column.name not in found.misleading]
    for column in columns:
        if column.feature_kind == "text" and (scores := score_text(rows, column.name)):
            found.texts[column.name] = scores
    _measure_forms(found, columns, rows, alone, taken, changing=changing)
    _measure_crosses(found, columns, rows, alone, taken)
    return found


def _varies(rows: LabelledRows) -> bool:
    return len(rows.rows.column(rows.label).unique()) > 1


def _leak_of(column: Seen, rows: LabelledRows, alone: Residuals) -> Leak | None:
    return find_leak(column, rows.rows.column(column.name), alone)


def _changing(
    columns: Sequence[Seen], rows: LabelledRows, over_time: Residuals, at_random: Residuals
) -> list[str]:
    """Return the numbers that tell less of the label at other times."""
    numbers = [c for c in columns if c.feature_kind == "numeric" and not c.infinite]
    return [c.name for c in numbers if changes(_field(c, rows), over_time, at_random)]


def _misleading(
    columns: Sequence[Seen],
    rows: LabelledRows,
    alone: Residuals,
    time: str,
    changing: Collection[str],
) -> list[str]:
    codes, forms = first_forms(columns, rows, alone, ())

    def groups(without: frozenset[str]) -> list[FeatureGroup]:
        kept = [column for column in columns if column.name not in without]
        return main_effects(
            kept,
            [name for name in codes if name not in without],
            {name: form for name, form in forms.items() if name not in without},
        )

    tried = [name for name in (*codes, *forms) if name != time and name in changing]
    return misleading(tried[:_MOST_TRIED], rows, time, groups)


def _field(column: Seen, rows: LabelledRows, *, binned: bool | None = None) -> ColumnCells:
    values = rows.rows.column(column.name)
    if binned is None:
        binned = column.feature_kind == "numeric" and column.distinct > BINS
    return by_bin(f"{column.name}_bin", values, BINS) if binned else by_value(column.name, values)


def _measure_forms(
    found: Measured,
    columns: Sequence[Seen],
    rows: LabelledRows,
    alone: Residuals,
    taken: Collection[str],
    *,
    changing: Collection[str],
) -> None:
    # Bins follow the curve of one time more closely than it may hold: they must gain at others.
    binnable = [c.name for c in columns if f"{c.name}_bin" not in taken and c.name not in changing]
    found.codes, first = first_forms(columns, rows, alone, binnable)
    residuals = rows.residuals(main_effects(columns, found.codes, first))
    for column in columns:
        if column.name in first:
            values, form = rows.rows.column(column.name), first[column.name]
            form = choose_form(column, values, residuals, form, len(first))
            is_free = f"{column.name}_bin" not in taken
            found.forms[column.name] = form if is_free else form.unbinned()


def _measure_crosses(
    found: Measured,
    columns: Sequence[Seen],
    rows: LabelledRows,
    alone: Residuals,
    taken: Collection[str],
) -> None:
    fields: list[ColumnCells] = []
    for column in columns:
        form = found.forms.get(column.name)
        if form is not None and form.is_number:
            if form.binned or f"{column.name}_bin" not in taken:
                fields.append(_field(column, rows, binned=True))
        elif _has_crossable_values(column):
            fields.append(_field(column, rows, binned=False))
    if len(fields) < 2:
        return
    gains = {each.name: alone.gain(each.cells, each.n_cells).per_row for each in fields}
    fields.sort(key=lambda each: -gains[each.name])
    residuals = rows.residuals(main_effects(columns, found.codes, found.forms))
    found.crosses = best_crosses(fields[:_MOST_CROSSED], residuals)


def _has_crossable_values(column: Seen) -> bool:
    usable = column.feature_kind in ("categorical", "boolean", "numeric") and not column.infinite
    return usable and column.distinct <= _MOST_VALUES
