"""The lines of a task file about features, each group with its reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError
from petafit.features.columns import is_date, is_integer
from petafit.suggestion.forms import BINS, NumberForm
from petafit.suggestion.keys import numbers_rows, orders_rows
from petafit.suggestion.leaks import tells_label
from petafit.suggestion.lines import listed, remark
from petafit.suggestion.measured import Measured
from petafit.suggestion.seen import Seen

_FEW_VALUES = 20
_INFINITE = "it has infinite values, and its bins would have another column's name"


def feature_lines(
    columns: Sequence[Seen], measured: Measured, left_out: Mapping[str, str], *, by_time: bool
) -> Iterator[str]:
    """Yield the groups of features; columns that can teach nothing are named in comments.

    Raises
    ------
    ConfigurationError
        No column is left.
    """
    names = {column.name for column in columns}
    reasons = {
        **left_out,
        **dict(_measured_reasons(measured)),
        **{c.name: _INFINITE for c in columns if c.infinite and f"{c.name}_bin" in names},
    }
    used = [column for column in columns if column.name not in reasons]
    if not used:
        raise ConfigurationError("No column of the table can be a feature", got=reasons or None)
    yield "features: # keep only what is known when the prediction is needed"
    forms = {c.name: _form(c, measured) for c in used if c.feature_kind == "numeric"}
    forms = {name: form for name, form in forms.items() if name not in measured.codes}
    yield from _numeric(forms)
    yield from _categorical(used, measured, forms)
    yield from listed("  - boolean: ", [c.name for c in used if c.feature_kind == "boolean"])
    yield from _dates(used, by_time=by_time)
    yield from _texts(used, measured)
    yield from _crosses(measured, forms)
    few = [c.name for c in used if c.name in forms and _has_few_values(c)]
    if not measured.forms:
        yield from listed("  # few values, perhaps categorical: ", few, again="  # ")
    for name, reason in reasons.items():
        yield from remark("  ", f"left out: {dump(name)}, {reason}")


def doubtful(columns: Sequence[Seen], label: Seen, rows: pa.Table) -> Iterator[str]:
    """Yield comments on columns that may tell the label by what nobody knows of a new row."""
    for column in columns:
        if column.looks_like_key or numbers_rows(column):
            continue
        if tells_label(column, label, rows):
            yield f"  # as the label itself: {dump(column.name)}; is it known beforehand?"
        elif orders_rows(column, rows):
            yield f"  # rows are in the order of {dump(column.name)}; is it only their number?"


def _measured_reasons(measured: Measured) -> Iterator[tuple[str, str]]:
    for name, leak in measured.leaks.items():
        alone = f"it alone gives the label, {leak.measure} {leak.value:.3f}"
        yield name, f"{alone}: is it known beforehand?"
    for name in measured.misleading:
        yield name, "earlier rows predict later ones better without it"


def _form(column: Seen, measured: Measured) -> NumberForm:
    if column.infinite:
        return NumberForm(column.name, binned=True, has_infinite=True)
    return measured.forms.get(column.name) or NumberForm(column.name)


def _numeric(forms: Mapping[str, NumberForm]) -> Iterator[str]:
    numbers = [form for form in forms.values() if form.is_number]
    for log1p in (False, True):
        group = [form for form in numbers if form.log1p == log1p]
        yield from listed("  - numeric: ", [form.column for form in group])
        if group and log1p:
            yield "    log1p: true # their values have a long tail"
        if any(form.indicator for form in group):
            yield "    indicator: auto # that a value is missing may tell something, too"
    for infinite, reason in (
        (False, "no straight line: bins tell more of the label"),
        (True, "of infinite values only bins can be made"),
    ):
        binned = [f.column for f in forms.values() if f.binned and f.has_infinite == infinite]
        yield from _binned(binned, reason)


def _binned(names: Sequence[str], reason: str) -> Iterator[str]:
    yield from listed("  - binned: ", names)
    if names:
        yield f"    edges: quantiles # {reason}"
        yield f"    bins: {BINS}"


def _categorical(
    used: Iterable[Seen], measured: Measured, forms: Mapping[str, NumberForm]
) -> Iterator[str]:
    names = [c.name for c in used if c.feature_kind == "categorical"]
    yield from listed("  - categorical: ", names)
    if measured.codes:
        yield "  # few whole numbers, whose order tells little, or with rows enough for each"
        yield from listed("  - categorical: ", measured.codes)
    values = [form.column for form in forms.values() if form.values]
    if values:
        yield "  # numbers of which single values tell more than bins"
        yield from listed("  - categorical: ", values)


def _dates(used: Sequence[Seen], *, by_time: bool) -> Iterator[str]:
    for times, parts in ((False, ["day_of_week"]), (True, ["day_of_week", "hour"])):
        dates = [c.name for c in used if is_date(c.kind) and pa.types.is_timestamp(c.kind) == times]
        yield from listed("  - date: ", dates)
        if dates and by_time:
            yield f"    parts: {dump(parts)} # test rows have months that training rows lack"


def _texts(used: Iterable[Seen], measured: Measured) -> Iterator[str]:
    scores = measured.texts
    texts = {
        c.name: scores[c.name].best(c.analyzer) if c.name in scores else c.analyzer
        for c in used
        if c.feature_kind == "text"
    }
    for analyzer in ("word", "char"):
        names = [name for name, best in texts.items() if best == analyzer]
        for name in names:
            if name in scores:
                figures = f"words tell {scores[name].word:.3f} of the label"
                yield f"  # {dump(name)}: {figures}, characters {scores[name].char:.3f}"
        yield from listed("  - text: ", names)
        if names and analyzer == "char":
            yield "    analyzer: char # n-grams of 3 to 5 characters"


def _crosses(measured: Measured, forms: Mapping[str, NumberForm]) -> Iterator[str]:
    if not measured.crosses:
        return
    names = {name for cross in measured.crosses for name in cross.names}
    missing = [f.column for f in forms.values() if not f.binned and f"{f.column}_bin" in names]
    yield from _binned(missing, "for crosses")
    yield f"  # what pairs gain over their parts, by residuals of {measured.rows:,} rows"
    yield "  - cross:"
    for cross in measured.crosses:
        gain = f"{cross.gain.per_row:.2g}, error {cross.gain.error:.1g}"
        yield f"      - {dump(list(cross.names))} # {gain} of the loss a row"


def _has_few_values(column: Seen) -> bool:
    return is_integer(column.kind) and 2 < column.distinct <= _FEW_VALUES
