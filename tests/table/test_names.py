"""Names that differ in letter case only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.errors import ContractError
from petafit.table.filters.condition import COMPARISONS, LISTS, NULLNESS, Condition
from petafit.table.filters.predicate import parse
from petafit.table.names import Spellings

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
