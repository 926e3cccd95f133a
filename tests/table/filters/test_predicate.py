"""Conditions: what they mean on a batch, against Python's own comparisons."""

import datetime
import operator
import pickle

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.config import yaml12
from petafit.errors import ConfigurationError, ContractError
from petafit.table.filters.predicate import parse

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SMALL = st.integers(-3, 3)
_DAYS = st.dates(datetime.date(2013, 9, 29), datetime.date(2013, 10, 2))
_MOMENTS = st.datetimes(datetime.datetime(2013, 9, 30), datetime.datetime(2013, 10, 2))
_INSTANTS = _MOMENTS.map(lambda moment: moment.replace(tzinfo=datetime.UTC))
_TEXTS = st.text(st.sampled_from("aä'\"\\$ 1%`{"), max_size=3)


def same(value):
    return value


def without_zone(moment):
    return str(moment.replace(tzinfo=None))


# For each type: the values of rows, and how settings write such a value.
TYPES = [
    (pa.int8(), _SMALL, same),
    (pa.int32(), _SMALL, float),
    (pa.float32(), st.sampled_from([-1.5, -0.0, 0.0, 2.0]), same),
    (pa.float64(), st.sampled_from([-1.5, 0.1, 1e-9, float("nan"), float("inf")]), same),
    (pa.decimal128(9, 2), st.decimals(-2, 2, places=1), float),
    (pa.bool_(), st.booleans(), same),
    (pa.string(), _TEXTS, same),
    (pa.large_string(), _TEXTS, same),
    (pa.dictionary(pa.int32(), pa.string()), _TEXTS, same),
    (pa.date32(), _DAYS, str),
    (pa.timestamp("us"), _MOMENTS, str),
    (pa.timestamp("us", "UTC"), _INSTANTS, str),
    (pa.timestamp("ns", "UTC"), _INSTANTS, without_zone),
]


def meets(value, comparison, literals):
    """Evaluate a condition on a value, in plain Python."""
    is_missing = value is None or value != value  # NaN, too
    if comparison in ("is null", "is not null"):
        return is_missing == (comparison == "is null")
    if is_missing:
        return False
    if comparison in ("in", "not in"):
        return (value in literals) == (comparison == "in")
    return COMPARISONS[comparison](value, literals[0])


def is_finite(value):
    return not isinstance(value, float) or abs(value) < float("inf")


@st.composite
def cases(draw):
    """A column, a condition as settings write it, and its parts."""
    kind, values, written = draw(st.sampled_from(TYPES))
    comparison = draw(st.sampled_from([*COMPARISONS, "in", "not in", "is null", "is not null"]))
    literals = draw(st.lists(values.filter(is_finite), min_size=1, max_size=3))
    value = {
        "in": yaml12.dump([written(literal) for literal in literals]),
        "not in": yaml12.dump([written(literal) for literal in literals]),
        "is null": "",
        "is not null": "",
    }.get(comparison, yaml12.dump([written(literals[0])])[1:-1])
    rows = draw(st.lists(st.none() | values, max_size=8))
    return pa.array(rows, kind), f"`a column` {comparison} {value}", comparison, literals


@given(cases())
@settings(max_examples=300)
def test_mask_agrees_with_python(case):
    column, text, comparison, literals = case
    batch = pa.record_batch({"a column": column})
    predicate = parse([text])
    predicate.check(batch.schema)
    expected = [meets(value, comparison, literals) for value in column.to_pylist()]
    assert predicate.mask(batch).to_pylist() == expected


@given(cases())
@settings(max_examples=100)
def test_a_partition_is_excluded_exactly_where_its_rows_are(case):
    column, text, comparison, literals = case
    for value in column.to_pylist():
        excluded = parse([text]).excludes({"a column": value, "another": 1})
        assert excluded != meets(value, comparison, literals)


def test_a_condition_on_another_column_excludes_no_partition():
    assert not parse(["distance > 5"]).excludes({"month": 1})


def test_a_row_must_meet_all_conditions():
    batch = pa.record_batch({"n": [1, 5, None, 1], "t": ["a", "a", "a", None]})
    assert parse(["n < 3", "t == a"]).mask(batch).to_pylist() == [True, False, False, False]
    assert parse([]).mask(batch) is None


def test_a_column_without_any_value_meets_is_null_only():
    batch = pa.record_batch({"n": pa.nulls(2)})
    assert parse(["n is null"]).mask(batch).to_pylist() == [True, True]
    assert parse(["n != 3"]).mask(batch).to_pylist() == [False, False]


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_nan_is_missing_as_null_is(kind):
    rows = pa.record_batch([pa.array([1.0, float("nan"), None]).cast(kind)], ["x"])
    held = {
        "x is null": [False, True, True],
        "x is not null": [True, False, False],
        "x != 2": [True, False, False],
        "x not in [2, 3]": [True, False, False],
        "x > 0": [True, False, False],
        "x <= 1": [True, False, False],
    }
    assert {text: parse([text]).mask(rows).to_pylist() for text in held} == held


def test_values_are_decided_once_where_a_dictionary_is_small():
    repeated = pa.DictionaryArray.from_arrays([0, 1, 0, None], ["JFK", "LGA"])
    large = pa.DictionaryArray.from_arrays([2, None], ["JFK", "LGA", "EWR"])
    predicate = parse(["origin in [JFK, EWR]"])
    assert predicate.mask(pa.record_batch({"origin": repeated})).to_pylist() == [1, 0, 1, 0]
    assert predicate.mask(pa.record_batch({"origin": large})).to_pylist() == [1, 0]


def test_columns_come_once_each_in_order_and_all_of_it_travels():
    predicate = parse(["b < 5", "a = x", "b > 1"])
    assert predicate.columns == ("b", "a")
    assert pickle.loads(pickle.dumps(predicate)) == predicate
    assert parse(["a=x", "b  NOT   In [1]"]) == parse(["a == x", "b not in [1]"])


@pytest.mark.parametrize(
    ("condition", "sql"),
    [
        ("month <= 9", "`month` <= 9"),
        ("x == -1e-6", "`x` = -0.000001"),
        ("x < 1e300", "`x` < 1e+300D"),
        ("late == true", "`late` = TRUE"),
        ("`odd name` is not null", "`odd name` IS NOT NULL"),
        ("day >= 2013-10-01", "`day` >= '2013-10-01'"),
        ('name != "O\'Hare"', r"`name` != 'O\'Hare'"),
        (r"name == 'C:\dir'", r"`name` = 'C:\\dir'"),
        ("name == '${env:HOME}'", r"`name` = '\u0024{env:HOME}'"),
        ("n in [1]", "`n` = 1"),
        ("n not in [1, 2]", "(`n` != 1 AND `n` != 2)"),
    ],
)
def test_sql(condition, sql):
    assert parse([condition]).sql() == sql


def test_sql_joins_conditions_and_is_true_without_any():
    assert parse(["a < 1", "b in [x, y]"]).sql() == "`a` < 1 AND (`b` = 'x' OR `b` = 'y')"
    assert parse([]).sql() == "true"


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "< 9",
        "month",
        "month 9",
        "month <=",
        "month === 9",
        "month == [1",
        "month = [9]",
        "month < {a: 1}",
        "month == null",
        "month == .nan",
        "month in 9",
        "month in []",
        "month in [1, null]",
        "monthin [1]",
        "month is null 9",
    ],
)
def test_what_is_not_understood_is_shown(condition):
    with pytest.raises(ConfigurationError, match="condition"):
        parse([condition])


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        (pa.int32(), "x == nine"),
        (pa.int32(), "x < 9.5"),
        (pa.int32(), "x < 3000000000"),
        (pa.int64(), "x < 1e300"),
        (pa.int32(), "x == true"),
        (pa.float64(), "x in [1, two]"),
        (pa.bool_(), "x == 1"),
        (pa.string(), "x == 9"),
        (pa.dictionary(pa.int32(), pa.string()), "x == 9"),
        (pa.date32(), "x > 20131001"),
        (pa.date32(), "x > 2013-13-01"),
        (pa.date32(), "x > 2013-10-01 05:00"),
        (pa.timestamp("us"), "x > 2013-10-01 05:00Z"),
        (pa.timestamp("us", "UTC"), "x > yesterday"),
        (pa.decimal128(38, 30), "x < 1e20"),
        (pa.list_(pa.int32()), "x == 1"),
    ],
)
def test_a_literal_of_another_type_is_refused_with_column_type_and_literal(kind, condition):
    with pytest.raises(ConfigurationError) as caught:
        parse([condition]).check(pa.schema({"x": kind}))
    message = str(caught.value)
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    assert "'x'" in message
    assert str(plain) in message
    assert str(parse([condition]).conditions[0]) in message


def test_an_unknown_column_is_named_with_the_closest():
    with pytest.raises(ContractError, match="Did you mean 'month'"):
        parse(["mnth == 1"]).check(pa.schema({"month": pa.int32()}))
