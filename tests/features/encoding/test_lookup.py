import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.features.encoding import lookup
from petafit.features.encoding.hashing import NOTHING, feature_index
from petafit.features.encoding.lookup import IndexTable

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
    """How many texts are hashed, call by call."""
    counts = []
    really = lookup.indices_of_texts

    def counting(prefix, texts, hash_bits):
        counts.append(len(texts))
        return really(prefix, texts, hash_bits)

    monkeypatch.setattr(lookup, "indices_of_texts", counting)
    return counts


def test_only_what_is_new_is_hashed(hashed):
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
