"""The text of a task file: settings that work, with comments on why they are as they are."""

from collections.abc import Iterator, Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.config.tables import Table
from petafit.config.yaml12 import dump
from petafit.errors import EmptyInputError
from petafit.features.encoding.target import plain_labels
from petafit.features.unicode_form import normalized
from petafit.stream.sample import Sample
from petafit.suggestion.feature_lines import doubtful, feature_lines
from petafit.suggestion.halves import at_random, training_rows
from petafit.suggestion.learner_lines import learner_lines
from petafit.suggestion.lines import quoted, share, value
from petafit.suggestion.measured import Measured, measure
from petafit.suggestion.overview import figures, overview
from petafit.suggestion.roles import UNIQUE, Roles, choose_roles
from petafit.suggestion.seen import Seen, label_kind
from petafit.suggestion.splits import Division, choose_division
from petafit.suggestion.unicode_forms import USUAL_FORM, in_several_forms
from petafit.table.columns import missing, present
from petafit.table.parquet.pandas_index import index_columns, unnamed_index
from petafit.table.snapshot import Snapshot

_MOST_CLASSES_SHOWN = 8
_TEST_SHARE = 0.1
_ALL_NUMBERS = "1.0e+308"


def task_text(
    table: Table,
    snapshot: Snapshot,
    sample: Sample,
    label: str,
    division: Division | None = None,
) -> str:
    """Return a task file for a table.

    Parameters
    ----------
    table : Table
        As it was named.
    sample : Sample
        Rows with the label and every column that can be a feature.
    division : Division, optional
        What rows are to train and to test on; by default what the columns tell of it.
    """
    rows = sample.rows
    seen = {name: Seen.of(name, rows.column(name)) for name in rows.column_names}
    columns = [column for name, column in seen.items() if name != label]
    if division is None:
        division = choose_division(columns, rows, snapshot.partition_columns)
    else:
        division.check(snapshot.schema)
    index = index_columns(snapshot)
    roles = choose_roles(columns, rows, division, index=index, unnamed=unnamed_index(rows.schema))
    unicode = list(_unicode((seen[label], *columns), rows))
    measured = _measured(columns, seen[label], rows, roles, USUAL_FORM if unicode else None)
    by_time = division is not None and division.by_time is not None
    data = [c for c in columns if c.name not in index and c.name not in measured.leaks]
    lines = [
        *overview(table.title, snapshot, sample),
        *figures(snapshot.schema, seen, is_whole=sample.is_whole),
        "",
        *_table(table, seen[label]),
        *_label(seen[label], rows.column(label)),
        *_weight(roles),
        *_split(roles, rows),
        *feature_lines(columns, measured, roles.left_out, by_time=by_time),
        *doubtful(data, seen[label], rows),
        *unicode,
        *learner_lines(seen[label], columns, sample, by_time=by_time),
    ]
    return "\n".join(lines) + "\n"


def _measured(
    columns: Sequence[Seen], label: Seen, rows: pa.Table, roles: Roles, unicode: UnicodeForm | None
) -> Measured:
    """Measure the columns that may be features, on rows to train on."""
    candidates = [column for column in columns if column.name not in roles.left_out]
    known = training_rows(rows, label, roles.division)
    if not known.num_rows and roles.division is not None and roles.division.is_given:
        raise EmptyInputError(
            f"No row that was looked at is to train on: {' and '.join(roles.division.train)}",
            hint="Correct --train; `petafit init` without it tells what the columns hold.",
        )
    time = None if roles.division is None else roles.division.by_time
    halves = at_random(known, label.name, label_kind(label), unicode)
    return measure(candidates, halves, time=time, taken=rows.column_names)


def _table(table: Table, label: Seen) -> Iterator[str]:
    """The table, without the rows whose label is missing or infinite."""
    name = quoted(label.name)
    conditions = [f"{name} is not null"] if label.missing else []
    if label.infinite:
        conditions += [f"{name} > -{_ALL_NUMBERS}", f"{name} < {_ALL_NUMBERS}"]
    if "`" in label.name:
        conditions = []
    if table.is_stored and not conditions:
        yield f"table: {dump(table.uri)}"
        return
    yield "table:"
    for key, text in table.model_dump(exclude_defaults=True).items():
        if key == "sql":
            yield "  sql: |"
            yield from (f"    {line}".rstrip() for line in text.strip().splitlines())
        else:
            yield f"  {key}: {dump(text)}"
    if not conditions:
        return
    lacking = share(label.missing + label.infinite, label.rows)
    without = "no label, or an infinite one" if label.infinite else "no label"
    filter_ = dump(conditions if len(conditions) > 1 else conditions[0])
    yield f"  filter: {filter_} # {lacking} have {without}"


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
        f"{value(each)}: {share(count, label.rows - label.missing)}"
        for each, count in counts[:_MOST_CLASSES_SHOWN]
    ]
    more = f", ... {len(counts)} in all" if len(counts) > _MOST_CLASSES_SHOWN else ""
    alone = "; training needs two classes" if len(counts) == 1 else ""
    yield f"  kind: classes # {', '.join(shown)}{more}{alone}"


def _weight(roles: Roles) -> Iterator[str]:
    if roles.weight is not None:
        yield f"weight: {dump(roles.weight)} # by its name and values: of the rows"
    for name in roles.perhaps_weight:
        yield f"# weight: {dump(name)} # if it weighs the rows; it then is no feature"


def _split(roles: Roles, rows: pa.Table) -> Iterator[str]:
    keys, division = dump(list(roles.keys)), roles.division
    if division is None:
        reason = UNIQUE if roles.has_unique_key else "rows that agree in all stay together"
        yield f"keys: {keys} # {reason}"
        nameless = _without(roles.keys, rows)
        if nameless:
            lacking = share(nameless, rows.num_rows)
            yield f"# {lacking} of the rows have no key; training refuses them: filter such rows"
        yield "split:"
        yield f"  test_share: {_TEST_SHARE} # of the keys"
        return
    if roles.has_unique_key:
        yield f"# keys: {keys} # {UNIQUE}"
    yield f"split: # {division.reason}"
    for part in ("train", "validation", "test"):
        conditions = getattr(division, part)
        if conditions:
            yield f"  {part}: {dump(conditions[0] if len(conditions) == 1 else list(conditions))}"


def _without(keys: Sequence[str], rows: pa.Table) -> int:
    """The number of rows that have none of the keys."""
    lacking = [missing(rows.column(key)) for key in keys]
    return pc.sum(reduce(pc.and_, lacking)).as_py() if lacking else 0


def _unicode(columns: Sequence[Seen], rows: pa.Table) -> Iterator[str]:
    """The setting by which one text in several forms becomes one category, where there is such."""
    for column in columns:
        if not column.looks_like_key and (text := in_several_forms(rows.column(column.name))):
            forms = f"{dump(column.name)} has {value(text)} composed and decomposed"
            yield f"unicode: {USUAL_FORM} # {forms}"
            return
