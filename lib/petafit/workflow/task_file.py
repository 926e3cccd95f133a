"""The text of a task file: settings that work, with comments on why they are as they are."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.tables import Table
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError
from petafit.features.columns import is_date, is_integer
from petafit.features.encoding.target import plain_labels
from petafit.features.unicode_form import normalized
from petafit.stream.sample import Sample
from petafit.table.columns import missing, present
from petafit.table.parquet.pandas_index import index_columns, unnamed_index
from petafit.table.snapshot import Snapshot
from petafit.workflow.profile import USUAL_FORM, in_several_forms
from petafit.workflow.suggest import (
    Cut,
    Seen,
    choose_cut,
    choose_keys,
    label_kind,
    numbers_rows,
    orders_rows,
    tells_label,
)

_WIDTH = 98
_LONGEST_VALUE = 24
_MOST_CLASSES_SHOWN = 8
_FEW_VALUES = 20
_TEST_SHARE = 0.1
_ALL_NUMBERS = "1.0e+308"
_UNIQUE = "each row has its own"
_HASH_BITS = (18, 22)
_TEXT_BITS = 20


def task_text(table: Table, snapshot: Snapshot, sample: Sample, label: str) -> str:
    """A task file for a table.

    Parameters
    ----------
    table : Table
        As it was named.
    sample : Sample
        Rows with the label and every column that can be a feature.
    """
    rows = sample.rows
    seen = {name: Seen.of(name, rows.column(name)) for name in rows.column_names}
    columns = [column for name, column in seen.items() if name != label]
    cut = choose_cut(columns, rows, snapshot.partition_columns)
    index = index_columns(snapshot)
    data = [column for column in columns if column.name not in index]
    lines = [
        *_overview(table.title, snapshot, sample),
        *_figures(snapshot.schema, seen, is_whole=sample.is_whole),
        "",
        *_table(table, seen[label]),
        *_label(seen[label], rows.column(label)),
        *_split(cut, columns, rows),
        *_features(columns, cut, index),
        *_doubtful(data, seen[label], rows),
        *_unicode((seen[label], *columns), rows),
        *_learner(seen[label], columns),
    ]
    return "\n".join(lines) + "\n"


def _overview(title: str, snapshot: Snapshot, sample: Sample) -> Iterator[str]:
    by_spark = snapshot.format == "spark"
    table: str = "read by Spark" if by_spark else snapshot.format
    if snapshot.version is not None:
        table = f"delta version {snapshot.version}"
    rows = f"{'' if sample.total_is_certain else 'about '}{sample.total:,} rows"
    files = "" if by_spark else f", {len(snapshot.files):,} files"
    if len(snapshot.files) == 1:
        files = ", 1 file"
    yield f"# Written by `petafit init` for {dump(title)}: {table}, {rows}{files}."
    if snapshot.scan_reason and not by_spark:
        yield f"# Its files alone do not tell all: {snapshot.scan_reason}."
    if not sample.is_whole:
        yield f"# Looked at {sample.rows.num_rows:,} rows from all over the table."
    yield "#"


def _figures(schema: pa.Schema, seen: Mapping[str, Seen], *, is_whole: bool) -> Iterator[str]:
    """A line for each column: type, missing values, distinct values, the smallest, the largest."""
    distinct = "distinct" if is_whole else "distinct, at least"
    lines = [("column", "type", "missing", distinct, "smallest .. largest")]
    for field in schema:
        column, start = seen.get(field.name), (dump(field.name), str(field.type))
        if column is None:
            lines.append((*start, "", "", "no feature is made of this type"))
            continue
        ends = f"{_value(column.smallest)} .. {_value(column.largest)}" if column.distinct else ""
        infinite = f", {column.infinite:,} infinite" if column.infinite else ""
        missing = _share(column.missing, column.rows)
        lines.append((*start, missing, f"{column.distinct:,}", ends + infinite))
    widths = [max(len(line[i]) for line in lines) for i in range(4)]
    for name, kind, missing, count, ends in lines:
        text = f"{name:{widths[0]}}  {kind:{widths[1]}}  {missing:>{widths[2]}}"
        yield f"# {text}  {count:>{widths[3]}}  {ends}".rstrip()


def _table(table: Table, label: Seen) -> Iterator[str]:
    """The table, without the rows whose label is missing or infinite."""
    name = _quoted(label.name)
    conditions = [f"{name} is not null"] if label.missing else []
    if label.infinite:
        conditions += [f"{name} > -{_ALL_NUMBERS}", f"{name} < {_ALL_NUMBERS}"]
    if "`" in label.name:
        conditions = []
    if table.is_stored and not conditions:
        yield f"table: {dump(table.uri)}"
        return
    yield "table:"
    for key, value in table.model_dump(exclude_defaults=True).items():
        if key == "sql":
            yield "  sql: |"
            yield from (f"    {line}".rstrip() for line in value.strip().splitlines())
        else:
            yield f"  {key}: {dump(value)}"
    if not conditions:
        return
    share = _share(label.missing + label.infinite, label.rows)
    without = "no label, or an infinite one" if label.infinite else "no label"
    filter_ = dump(conditions if len(conditions) > 1 else conditions[0])
    yield f"  filter: {filter_} # {share} have {without}"


def _label(label: Seen, values: pa.ChunkedArray) -> Iterator[str]:
    kind = label_kind(label)
    yield "label:"
    yield f"  column: {dump(label.name)}"
    if kind == "number":
        yield "  kind: number"
        return
    values = present(values)
    if in_several_forms(values):
        values = normalized(values.cast(pa.string()), USUAL_FORM, label.name)
    found = pc.value_counts(values)
    classes = plain_labels(found.field("values"), label.name)
    counts = sorted(
        zip(classes, found.field("counts").to_pylist(), strict=True), key=lambda c: -c[1]
    )
    shown = [
        f"{_value(value)}: {_share(count, label.rows - label.missing)}"
        for value, count in counts[:_MOST_CLASSES_SHOWN]
    ]
    more = ", ..." if len(counts) > _MOST_CLASSES_SHOWN else ""
    alone = "; training needs two classes" if len(counts) == 1 else ""
    yield f"  kind: classes # {', '.join(shown)}{more}{alone}"


def _split(cut: Cut | None, columns: Sequence[Seen], rows: pa.Table) -> Iterator[str]:
    numbers = unnamed_index(rows.schema)
    unique = any(column.looks_like_key and column.name not in numbers for column in columns)
    chosen = choose_keys(columns, rows, numbers=numbers) if unique or cut is None else ()
    keys = dump(list(chosen))
    if cut is None:
        yield f"keys: {keys} # {_UNIQUE if unique else 'rows that agree in all stay together'}"
        nameless = _without(chosen, rows)
        if nameless:
            share = _share(nameless, rows.num_rows)
            yield f"# {share} of the rows have no key, and training refuses them: filter such rows"
        yield "split:"
        yield f"  test_share: {_TEST_SHARE} # of the keys"
        return
    if unique:
        yield f"# keys: {keys} # {_UNIQUE}"
    column = _quoted(cut.column)
    yield f"split: # the last {cut.test_share:.0%} of the rows test"
    yield f"  train: {dump(f'{column} < {cut.first_tested}')}"
    yield f"  test: {dump(f'{column} >= {cut.first_tested}')}"


def _without(keys: Sequence[str], rows: pa.Table) -> int:
    """The number of rows that have none of the keys."""
    lacking = [missing(rows.column(key)) for key in keys]
    return pc.sum(reduce(pc.and_, lacking)).as_py() if lacking else 0


def _features(columns: Sequence[Seen], cut: Cut | None, index: Collection[str]) -> Iterator[str]:
    """The columns by kind; those that can teach nothing are named in comments."""
    left_out = {c.name: reason for c in columns if (reason := _useless(c, cut, index))}
    used = [column for column in columns if column.name not in left_out]
    if not used:
        raise ConfigurationError("No column of the table can be a feature", got=left_out or None)
    yield "features: # keep only what is known when the prediction is needed"
    for kind in ("numeric", "categorical", "boolean"):
        yield from _listed(f"  - {kind}: ", [c.name for c in used if c.feature_kind == kind])
    for times, parts in ((False, ["day_of_week"]), (True, ["day_of_week", "hour"])):
        dates = [c.name for c in used if is_date(c.kind) and pa.types.is_timestamp(c.kind) == times]
        yield from _listed("  - date: ", dates)
        if dates and cut is not None:
            yield f"    parts: {dump(parts)} # test rows have months that training rows lack"
    for analyzer in ("word", "char"):
        texts = [c.name for c in used if c.feature_kind == "text" and c.analyzer == analyzer]
        yield from _listed("  - text: ", texts)
        if texts and analyzer == "char":
            yield "    analyzer: char # words are not set apart"
    few = [c.name for c in used if c.feature_kind == "numeric" and _has_few_values(c)]
    yield from _listed("  # few values, perhaps categorical: ", few, again="  # ")
    yield from (f"  # left out: {dump(name)}, {reason}" for name, reason in left_out.items())


def _doubtful(columns: Sequence[Seen], label: Seen, rows: pa.Table) -> Iterator[str]:
    """Comments on columns that may tell the label by what nobody knows of a new row."""
    for column in columns:
        if column.looks_like_key:
            continue
        if tells_label(column, label, rows):
            yield f"  # as the label itself: {dump(column.name)}; is it known beforehand?"
        elif orders_rows(column, rows):
            yield f"  # rows are in the order of {dump(column.name)}; is it only their number?"
        elif numbers_rows(column):
            yield f"  # each row has its own {dump(column.name)}; is it only their number?"


def _unicode(columns: Sequence[Seen], rows: pa.Table) -> Iterator[str]:
    """The setting by which one text in several forms becomes one category, where there is such."""
    for column in columns:
        if not column.looks_like_key and (text := in_several_forms(rows.column(column.name))):
            forms = f"{dump(column.name)} has {_value(text)} composed and decomposed"
            yield f"unicode: {USUAL_FORM} # {forms}"
            return


def _useless(column: Seen, cut: Cut | None, index: Collection[str]) -> str:
    """The reason why a column is no feature; empty if it may be one."""
    if column.name in index:
        return "the index of a pandas frame"
    if column.looks_like_key:
        return _UNIQUE
    if not column.distinct:
        return "no value"
    divides = cut is not None and column.name == cut.column and not is_date(column.kind)
    return "it divides the rows" if divides else ""


def _learner(label: Seen, columns: Sequence[Seen]) -> Iterator[str]:
    values = sum(c.distinct for c in columns if c.feature_kind == "categorical")
    least, most = _HASH_BITS
    bits = min(most, (4 * values).bit_length())
    if bits < _TEXT_BITS and any(c.feature_kind == "text" for c in columns):
        yield f"hash_bits: {_TEXT_BITS} # n-grams are many"
    elif bits > least:
        yield f"hash_bits: {bits} # {values:,} or more different categories"
    if label_kind(label) == "number":
        yield "learner: petafit.OnlineLinearRegressor"
    else:
        yield "learner: petafit.OnlineLinearClassifier"
    yield "training:"
    yield "  rounds: 2"


def _has_few_values(column: Seen) -> bool:
    return is_integer(column.kind) and 2 < column.distinct <= _FEW_VALUES


def _listed(start: str, names: Sequence[str], *, again: str = "") -> Iterator[str]:
    """A list in brackets, on as many lines as it needs; nothing where it is empty."""
    if not names:
        return
    line = f"{start}["
    for i, name in enumerate(names):
        word = dump(name) + ("]" if i == len(names) - 1 else ",")
        if len(line) + len(word) > _WIDTH and not line.endswith("["):
            yield line.rstrip()
            line = again or " " * len(start)
            line += " "
        line += word + " "
    yield line.rstrip()


def _quoted(column: str) -> str:
    return column if re.fullmatch(r"\w+", column) else f"`{column}`"


def _share(part: int, whole: int) -> str:
    """A share in per cent; more digits where it is small."""
    share = 100 * part / whole
    return f"{share:.2g}%" if 0 < share < 10 else f"{share:.0f}%"


def _value(value: object) -> str:
    """A value in short."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = dump(value) if isinstance(value, str | bool) else str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
