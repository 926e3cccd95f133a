"""Columns: names that differ in letter case only, one type for each kind whoever wrote the file."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.table.columns import (
    STRINGS,
    Spellings,
    canonical,
    carried,
    footer_schema,
    table_schema,
)
from petafit.table.filters.condition import COMPARISONS, LISTS, NULLNESS, Condition
from petafit.table.filters.predicate import parse

NARROW_DECIMALS = []
if hasattr(pa, "decimal32"):  # since pyarrow 19
    NARROW_DECIMALS = [
        (pa.decimal32(7, 2), pa.decimal128(7, 2)),
        (pa.dictionary(pa.int8(), pa.decimal64(18, 4)), pa.decimal128(18, 4)),
    ]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.large_string(), pa.string()),
        (pa.string_view(), pa.string()),
        (pa.dictionary(pa.int8(), pa.int64()), pa.int64()),
        (pa.large_binary(), pa.binary()),
        (pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("ns", "UTC")),
        (pa.timestamp("ms"), pa.timestamp("us")),
        (pa.decimal128(10, 2), pa.decimal128(10, 2)),
        *NARROW_DECIMALS,
    ],
)
def test_variants_become_one(kind, expected):
    assert canonical(kind) == expected
    assert canonical(expected) == expected


def test_only_strings_are_carried_as_dictionaries():
    assert carried(pa.large_string()) == STRINGS
    assert carried(pa.dictionary(pa.int64(), pa.string())) == STRINGS
    assert carried(pa.int32()) == pa.int32()


def test_a_schema_keeps_names_and_types_only():
    schema = pa.schema([pa.field("a", pa.large_string(), nullable=False, metadata={"k": "v"})])
    assert table_schema(schema).equals(pa.schema({"a": pa.string()}), check_metadata=True)


def test_int96_in_a_footer_is_an_instant_in_utc(tmp_path):
    moments = pa.array([datetime.datetime(2013, 1, 1)], pa.timestamp("ns"))
    table = pa.table({"then": moments, "s": pa.array(["a"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "int96.parquet", use_deprecated_int96_timestamps=True)
    pq.write_table(table, tmp_path / "int64.parquet")
    instant = pa.timestamp("us", "UTC")
    for name, kind in [("int96", instant), ("int64", pa.timestamp("ns"))]:
        footer = pq.read_metadata(tmp_path / f"{name}.parquet")
        assert footer_schema(footer) == pa.schema({"then": kind, "s": pa.string()})


NAMES = st.text(st.characters(exclude_characters="`", exclude_categories=["C"]), min_size=1)
LITERALS = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["C"])),
)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    operator = draw(st.sampled_from([*COMPARISONS, *LISTS, *NULLNESS]))
    most = 0 if operator in NULLNESS else 4 if operator in LISTS else 1
    literals = draw(st.lists(LITERALS, min_size=min(most, 1), max_size=most))
    return Condition(draw(NAMES), operator, tuple(literals))


@given(conditions())
def test_a_condition_is_written_as_it_is_read(condition: Condition) -> None:
    (read,) = parse([str(condition)]).conditions
    assert read == condition
    assert list(map(type, read.literals)) == list(map(type, condition.literals))


def test_the_same_name_is_preferred_and_a_doubtful_one_refused() -> None:
    names = Spellings(["ID", "id", "Größe", "x"])
    assert [names.find(name) for name in ("id", "ID", "GRÖßE", "X", "y")] == [
        "id",
        "ID",
        "Größe",
        "x",
        None,
    ]
    with pytest.raises(ContractError, match=r"'Id' may mean several columns; .*'ID', 'id'"):
        names.find("Id")
    assert names.twins == ("ID", "id")
    assert Spellings(["a", "b"]).twins == ()


def test_names_of_another_place_rename_those_that_it_does_not_have() -> None:
    names = Spellings(["Price", "id", "y"])
    assert names.renamed_to(["price", "id", "ID", "z"]) == {"Price": "price"}
