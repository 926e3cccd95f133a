"""Features in Spark SQL: numbers as columns, and the texts whose hashes are indices.

Spark's HashingTF hashes a text as petafit does. So the features of a row are an array of texts such
as ``carrier=AA``, and need no function of petafit's. No expression depends on the session's time
zone where the column is of instants, and none raises with `spark.sql.ansi.enabled`.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.numeric import MISSING_BIN, Scaling
from petafit.features.feature import (
    CROSS,
    Binned,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Feature,
    Indicator,
    Numeric,
    Text,
)
from petafit.features.text.hashing import SEPARATORS
from petafit.table.filters.literals import as_sql, quoted

_PARTS = {
    "year": "year",
    "month": "month",
    "day": "dayofmonth",
    "day_of_week": "weekday",
    "hour": "hour",
    "minute": "minute",
}
_SECONDS = {"hour": (86400, 3600), "minute": (3600, 60)}
"""The seconds of the next larger unit, and of its own."""


def number(feature: Numeric, statistics: TableStatistics, *, single: bool) -> str:
    """Return an expression of type double, 0 where the feature is left out.

    Parameters
    ----------
    single : bool
        Values are rounded to float32, as those of X are for the learner.
    """
    scaling = Scaling.of(feature, statistics.columns.get(feature.column))
    value = _double(feature.column)
    if feature.log1p:
        value = f"signum({value}) * log1p(abs({value}))"
    scaled = f"({value} - {_literal(scaling.shift)}) / {_literal(scaling.divisor)}"
    fill = 0.0 if np.isnan(scaling.fill) else scaling.fill
    found = f"if({_missing(feature.column)}, {_literal(fill)}, {scaled})"
    return f"CAST(CAST({found} AS FLOAT) AS DOUBLE)" if single else found


def cyclic(feature: Cyclic, schema: pa.Schema, *, single: bool) -> str:
    """Return an expression of a part on a circle, of type double; 0 for null."""
    values = ", ".join(map(_literal, feature.values))
    part = _date_part(feature, schema.field(feature.column).type)
    # Not element_at: with ANSI it claims never to be null, and Spark leaves the coalesce out.
    found = f"coalesce(get(array({values}), {part} - {feature.first}), 0D)"
    return f"CAST(CAST({found} AS FLOAT) AS DOUBLE)" if single else found


def terms(features: Sequence[Feature], schema: pa.Schema) -> str | None:
    """Return an expression of all texts to hash that each count 1, array<string>; None: no text.

    These are categories, their crosses, and n-grams that are not scaled to a length of 1.
    """
    named = [_named(f.name, _text(f, schema)) for f in dict.fromkeys(features) if _is_category(f)]
    arrays = [f"filter(array({', '.join(named)}), term -> term IS NOT NULL)"] if named else []
    arrays += [grams(f) for f in features if isinstance(f, Text) and f.norm == "none"]
    if len(arrays) < 2:
        return arrays[0] if arrays else None
    return f"concat({', '.join(arrays)})"


def grams(feature: Text) -> str:
    """Return an expression of a text's n-grams with the feature's name, array<string>."""
    shortest, longest = feature.ngrams
    text = f"coalesce({quoted(feature.column)}, '')"
    text = _lowered(text) if feature.lowercase else text
    sizes = range(shortest, longest + 1)
    prefix = as_sql(f"{feature.name}=")
    if feature.analyzer == "char":
        runs = [_runs("length(text)", size, f"substring(text, i, {size})") for size in sizes]
        source = f"array({text})"
        made = f"text -> concat({', '.join(runs)})"
    else:
        joined = "array_join(slice(words, i, {}), ' ')"
        runs = [_runs("size(words)", size, joined.format(size)) for size in sizes]
        source = f"array(regexp_extract_all({text}, r'[^{_separators()}]+', 0))"
        made = f"words -> concat({', '.join(runs)})"
    found = f"flatten(transform({source}, {made}))"
    return f"transform({found}, gram -> concat({prefix}, gram))"


def _runs(length: str, size: int, run: str) -> str:
    """All runs of a size; `i` is the place of the first element, from 1."""
    starts = f"sequence(1, greatest({length} - {size - 1}, 1))"
    return f"if({length} < {size}, array(), transform({starts}, i -> {run}))"


def _is_category(feature: Feature) -> bool:
    return isinstance(feature, Categorical | Cross)


def _named(name: str, text: str) -> str:
    return f"concat({as_sql(f'{name}=')}, {text})"


def _text(feature: Feature, schema: pa.Schema) -> str:
    """Return an expression of a category's text; null for none."""
    match feature:
        case Cross():
            parts = f", '{CROSS}', ".join(_text(part, schema) for part in feature.parts)
            return f"concat({parts})"
        case Indicator():
            return f"if({_missing(feature.column)}, 'true', NULL)"
        case Binned():
            edges = f"array({', '.join(map(_literal, feature.edges))})"
            if not feature.edges:  # of nothing Spark would make an array without a type
                edges = f"CAST({edges} AS ARRAY<DOUBLE>)"
            below = f"size(filter({edges}, edge -> edge <= {_double(feature.column)}))"
            return f"if({_missing(feature.column)}, '{MISSING_BIN}', CAST({below} AS STRING))"
        case DatePart():
            return f"CAST({_date_part(feature, schema.field(feature.column).type)} AS STRING)"
        case _:
            return f"CAST({quoted(feature.column)} AS STRING)"


def _date_part(feature: DatePart | Cyclic, kind: pa.DataType) -> str:
    """Return an expression of a date's part; of an instant, its part in UTC."""
    column = quoted(feature.column)
    if not pa.types.is_timestamp(kind) or kind.tz is None:
        return f"{_PARTS[feature.part]}({column})"
    seconds = f"unix_seconds({column})"
    if feature.part in _SECONDS:
        larger, own = _SECONDS[feature.part]
        return f"CAST(floor(pmod({seconds}, {larger}) / {own}) AS INT)"
    days = f"CAST(floor({seconds} / 86400) AS INT)"
    return f"{_PARTS[feature.part]}(date_add(DATE'1970-01-01', {days}))"


def _lowered(text: str) -> str:
    """Lower-case a text letter by letter, as Arrow does: `lower` of Java's differs for some."""
    upper, lower = (as_sql("".join(letters)) for letters in _letters())
    return f"translate({text}, {upper}, {lower})"


@cache
def _letters() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All letters that Arrow lowers, and what to."""
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    given = pa.array(map(chr, codes))
    lowered = pc.utf8_lower(given)
    changed = pc.not_equal(given, lowered)
    return tuple(given.filter(changed).to_pylist()), tuple(lowered.filter(changed).to_pylist())


def _separators() -> str:
    """The characters between words, as within brackets of a regular expression of Java's."""
    return "".join(rf"\x{{{a:x}}}-\x{{{b:x}}}" for a, b in SEPARATORS)


def _missing(column: str) -> str:
    return f"({quoted(column)} IS NULL OR isnan({_double(column)}))"


def _double(column: str) -> str:
    return f"CAST({quoted(column)} AS DOUBLE)"


def _literal(value: float) -> str:
    return f"{float(value)!r}D"
