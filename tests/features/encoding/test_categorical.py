from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.features.encoding import categorical
from petafit.features.encoding.categorical import NULL, Categories, IndexTable, coded
from petafit.features.encoding.hashing import NOTHING, feature_index
from petafit.features.encoding.numeric import bin_codes
from petafit.features.feature import Binned, Boolean, Categorical, DatePart, Indicator

JUNK = 3


def texts(feature, column):
    """The category of each row as text, None for null."""
    found = Categories.of(coded(feature, column))
    assert len(found.codes) == len(column)
    return [None if code == NULL else found.texts[code].as_py() for code in found.codes]


def sliced(values, kind):
    """The values as the middle of a longer array, so that buffers start elsewhere."""
    filled = [value for value in values if value is not None][:1]
    around = [*filled, None, *filled][:JUNK]
    return pa.array([*around, *values, *around], kind)[len(around) : len(around) + len(values)]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
        pa.dictionary(pa.int64(), pa.string()),
    ],
    ids=str,
)
@settings(max_examples=40)
@given(values=st.lists(st.none() | st.text(max_size=5), max_size=12))
def test_strings_of_every_type(kind, values):
    column = sliced(values, pa.string()).cast(kind)
    assert texts(Categorical("c"), column) == values


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("sign", ["int", "uint"])
def test_integers_of_every_type(sign, bits):
    top = 2 ** (bits - (sign == "int")) - 1
    values = [0, None, top, 7, -top - 1 if sign == "int" else 1, 7]
    column = sliced(values, f"{sign}{bits}")
    assert texts(Categorical("c"), column) == [None if v is None else str(v) for v in values]


@pytest.mark.parametrize("feature", [Categorical("c"), Boolean("c")])
def test_booleans(feature):
    values = [True, None, False, True] * 5
    expected = ["true", None, "false", "true"] * 5
    assert texts(feature, sliced(values, pa.bool_())) == expected


def test_integers_in_a_dictionary():
    column = pa.array([3, None, 4, 3], pa.int64()).dictionary_encode()
    assert texts(Categorical("c"), column[1:]) == [None, "4", "3"]


def test_nulls_inside_a_dictionary():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0, 2]), ["a", None, ""])
    assert texts(Categorical("c"), column[1:]) == [None, None, "a", ""]


@pytest.mark.parametrize(
    "feature",
    [Categorical("c"), Boolean("c"), DatePart("c", "hour"), Binned("c", (0.0,)), Indicator("c")],
)
def test_nothing_but_nulls_and_no_rows_at_all(feature):
    missing = {Binned: "missing", Indicator: "true"}.get(type(feature))
    assert texts(feature, pa.nulls(3)) == [missing] * 3
    assert texts(feature, pa.nulls(0)) == []


@given(
    st.lists(
        st.none() | st.datetimes(min_value=datetime(1800, 1, 1), max_value=datetime(2200, 1, 1)),
        max_size=8,
    )
)
def test_parts_of_timestamps_are_those_of_utc(values):
    parts = {
        "year": lambda t: t.year,
        "month": lambda t: t.month,
        "day": lambda t: t.day,
        "day_of_week": lambda t: t.weekday(),
        "hour": lambda t: t.hour,
        "minute": lambda t: t.minute,
    }
    naive = sliced(values, pa.timestamp("us"))
    zoned = naive.cast(pa.int64()).cast(pa.timestamp("us", "America/New_York"))
    for part, of in parts.items():
        expected = [None if value is None else str(of(value)) for value in values]
        assert texts(DatePart("t", part), naive) == expected
        assert texts(DatePart("t", part), zoned) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_every_unit(unit):
    moment = datetime(1969, 12, 31, 23, 59, tzinfo=UTC)
    column = pa.array([moment, None], pa.timestamp(unit, "UTC"))
    assert texts(DatePart("t", "hour"), column) == ["23", None]
    assert texts(DatePart("t", "day_of_week"), column) == ["2", None]


def test_parts_of_dates():
    monday = date(2013, 1, 7)
    column = sliced([monday + timedelta(days) for days in range(7)], pa.date32())
    assert texts(DatePart("d", "day_of_week"), column) == list("0123456")
    assert texts(DatePart("d", "year"), column.cast(pa.date64())) == ["2013"] * 7


def test_bins_are_the_number_of_edges_at_or_below():
    edges = (-1.5, 0.0, 99.99)
    values = [-2, -1.5, -0.0, 0.0, 99.98, 99.99, float("inf"), float("-inf"), float("nan"), None]
    expected = ["0", "1", "2", "2", "2", "3", "3", "0", "missing", "missing"]
    assert texts(Binned("x", edges), sliced(values, pa.float64())) == expected


@settings(deadline=None)
@given(
    st.sets(st.floats(allow_nan=False, allow_infinity=False), max_size=70),
    st.lists(st.none() | st.floats() | st.sampled_from([0.0, 1.0, -1.0]), max_size=9),
    st.sampled_from([1, 200]),
)
def test_bins_are_those_of_numpy(edges, values, times):
    edges, column = tuple(sorted(edges)), pa.array(values * times, pa.float64())
    known = column.to_numpy(zero_copy_only=False)
    expected = np.searchsorted(edges, known, side="right")
    expected[np.isnan(known)] = len(edges) + 1
    np.testing.assert_array_equal(bin_codes(Binned("x", edges), column), expected)


def test_indicators_are_true_or_nothing():
    column = sliced([1.0, float("nan"), None, 0.0], pa.float64())
    assert texts(Indicator("x"), column) == [None, "true", "true", None]


BITS = 30


def looked_up(table, texts, codes):
    out = np.empty(len(codes), np.int32)
    table.write(pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), texts), out)
    return out.tolist()


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=4), max_size=6))
def test_whatever_dictionaries_come_one_after_the_other(dictionaries):
    table = IndexTable("c=", BITS)
    for texts in dictionaries:
        codes = [None, *range(len(texts))]
        expected = [NOTHING, *(feature_index(f"c={text}", BITS) for text in texts)]
        assert looked_up(table, pa.array(texts, pa.string()), codes) == expected


@pytest.fixture
def hashed(monkeypatch):
    """Number of texts hashed, call by call."""
    counts = []
    really = categorical.indices_of_texts

    def counting(prefix, texts, hash_bits):
        counts.append(len(texts))
        return really(prefix, texts, hash_bits)

    monkeypatch.setattr(categorical, "indices_of_texts", counting)
    return counts


def test_only_new_values_are_hashed(hashed):
    table = IndexTable("c=", BITS)
    letters = [chr(ord("a") + i) for i in range(26)]
    for size in (20, 20, 26, 26, 10):
        looked_up(table, pa.array(letters[:size]), [size - 1])
    assert list(filter(None, hashed)) == [20, 6]


def test_a_buffer_that_is_used_again_is_not_taken_for_the_old_one():
    table = IndexTable("c=", BITS)
    memory = bytearray(b"abcd")

    def dictionary():
        return pa.StringArray.from_buffers(
            2, pa.py_buffer(np.array([0, 2, 4], np.int32)), pa.py_buffer(bytes(memory))
        )

    before = looked_up(table, dictionary(), [0, 1])
    memory[:] = b"abxy"
    after = looked_up(table, dictionary(), [0, 1])
    assert before[0] == after[0]
    assert after[1] == feature_index("c=xy", BITS)


@given(st.lists(st.none() | st.integers(0, 3), max_size=40), st.integers(0, 40))
def test_rows_of_a_slice(codes, start):
    column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), ["x", "", "y", "x"])
    found = column.slice(min(start, len(codes)))
    out = np.empty(len(found), np.int32)
    IndexTable("c=", BITS).write(found, out)
    texts = found.to_pylist()
    expected = [NOTHING if text is None else feature_index(f"c={text}", BITS) for text in texts]
    assert out.tolist() == expected


@pytest.mark.parametrize("code", [2, 2**31 - 1, -1])
def test_a_code_without_a_text_reads_nothing_beyond_the_table(code):
    codes = pa.array([0, code], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, ["a", "b"], safe=False)
    out = np.empty(2, np.int32)
    IndexTable("c=", BITS).write(column, out)
    assert out.tolist() == [feature_index("c=a", BITS), NOTHING]


def test_the_same_dictionary_is_neither_compared_nor_hashed_again(hashed):
    table, texts = IndexTable("c=", BITS), pa.array(["a", "b"])
    for codes in ([0], [1, None], [0, 1]):
        looked_up(table, texts, codes)
    assert hashed == [2]
