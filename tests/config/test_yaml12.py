"""YAML 1.2's core schema: what is a number, what is text, and how mistakes are shown."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.yaml12 import dump, parse
from petafit.errors import ConfigurationError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("TRUE", True),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2013-10-01", "2013-10-01"),
        ("'8'", "8"),
        ("month >= 10", "month >= 10"),
        ("{1: a, on: b}", {"1": "a", "on": "b"}),
    ],
)
def test_core_schema(text: str, value: object) -> None:
    parsed = parse(text, source="test")
    assert parsed == value
    assert type(parsed) is type(value)


@given(values)
def test_dumped_lines_are_read_back(value: Any) -> None:
    text = dump(value)
    assert len(text.splitlines()) == 1
    assert parse(text, source="test") == value
    assert parse(f"{{a: {text}, b: [{text}]}}", source="test") == {"a": value, "b": [value]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [1,\nc: 2", "a.yaml, line 3,"),
        ("a: 1\nb: 2\na: 3", "a.yaml, line 3, is not valid YAML: the key 'a' is given twice"),
        ("a:\n\t b: 1", "line 2"),
        ("? [a]\n: 2", "a key must be plain text"),
        ("!!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("a: *nothing", "undefined alias"),
        ("&a [*a]", "recursive"),
        ("[" * 5000, "recursion"),
        ("!!float x", "could not convert"),
    ],
)
def test_a_mistake_names_its_file_and_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, source="a.yaml")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("a.yaml")
