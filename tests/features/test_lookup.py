import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.features import lookup
from petafit.features.categorical import NULL, Categories
from petafit.features.hashing import NOTHING, feature_index
from petafit.features.lookup import IndexTable

BITS = 30


def looked_up(table, texts, codes):
    out = np.empty(len(codes), np.int32)
    table.write(Categories(np.array(codes, np.int32), texts), out)
    return out.tolist()


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=4), max_size=6))
def test_whatever_dictionaries_come_one_after_the_other(dictionaries):
    table = IndexTable("c=", BITS)
    for texts in dictionaries:
        codes = [NULL, *range(len(texts))]
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
    for size in (20, 20, 26, 10, 26):
        looked_up(table, pa.array(letters[:size]), [size - 1])
    assert hashed == [20, 6]


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
