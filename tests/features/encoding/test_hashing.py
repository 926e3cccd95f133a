import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.features.encoding.hashing import (
    NOTHING,
    feature_index,
    indices_of_crosses,
    indices_of_texts,
)

BITS = 30
TEXTS = st.lists(st.text(max_size=12), min_size=1, max_size=20)


def murmur3(text: str, seed: int = 42) -> int:
    """MurmurHash3_x86_32 as its author wrote it, on Python's integers."""
    data = text.encode()
    whole = len(data) - len(data) % 4
    hashed = seed
    for start in range(0, whole, 4):
        hashed = rotate(hashed ^ scramble(data[start : start + 4]), 13) * 5 + 0xE6546B64
        hashed %= 1 << 32
    hashed ^= scramble(data[whole:]) ^ len(data)
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B % (1 << 32)
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 % (1 << 32)
    return hashed ^ hashed >> 16


def scramble(data: bytes) -> int:
    word = int.from_bytes(data, "little") * 0xCC9E2D51 % (1 << 32)
    return rotate(word, 15) * 0x1B873593 % (1 << 32)


def rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) % (1 << 32)


def index(text: str, hash_bits: int = BITS) -> int:
    """Spark: Utils.nonNegativeMod(hash as a signed integer, numFeatures)."""
    hashed = murmur3(text)
    signed = hashed - (1 << 32) if hashed >> 31 else hashed
    return signed % (1 << hash_bits)


def test_the_reference_gives_the_published_value():
    assert murmur3("The quick brown fox jumps over the lazy dog", 0x9747B28C) == 0x2FA826CD


@pytest.mark.parametrize("length", range(41))
def test_every_length_and_every_split(length):
    text = "carrier=Zürich, 東京 and everywhere else"[:length].ljust(length, ".")
    for cut in range(length + 1):
        found = indices_of_texts(text[:cut], pa.array([text[cut:]]), BITS)
        assert found.tolist() == [index(text)]


@settings(deadline=None)
@given(st.text(max_size=60), st.integers(1, 30))
def test_a_feature_has_sparks_index(text, hash_bits):
    assert feature_index(text, hash_bits) == index(text, hash_bits)


@settings(deadline=None)
@given(st.text(max_size=9), TEXTS, st.data())
def test_slices_of_texts(prefix, texts, data):
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    found = indices_of_texts(prefix, pa.array(texts, pa.string())[start:stop], BITS)
    assert found.tolist() == [index(prefix + text) for text in texts[start:stop]]


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=3), st.data())
def test_crosses(texts, data):
    rows = data.draw(
        st.lists(st.tuples(*(st.integers(-1, len(part) - 1) for part in texts)), max_size=30)
    )
    codes = np.array(rows, np.int32).reshape(-1, len(texts)).T.copy()
    arrays = tuple(pa.array(["junk", *part], pa.string())[1:] for part in texts)
    found = indices_of_crosses("a×b=", codes, arrays, BITS)
    assert found.tolist() == [
        NOTHING
        if min(row) < 0
        else index("a×b=" + "×".join(part[code] for part, code in zip(texts, row, strict=True)))
        for row in rows
    ]


def test_crosses_of_more_combinations_than_are_remembered():
    texts = pa.array([f"value {code}" for code in range(200)])
    codes = np.random.default_rng(0).integers(0, 200, (2, 50_000)).astype(np.int32)
    found = indices_of_crosses("a×b=", codes, (texts, texts), BITS)
    expected = {
        (a, b): index(f"a×b=value {a}×value {b}") for a, b in {*zip(*codes.tolist(), strict=True)}
    }
    assert found.tolist() == [expected[pair] for pair in zip(*codes.tolist(), strict=True)]


@pytest.mark.parametrize("texts", [[], ["", ""], [None, "a"]])
def test_arrays_without_content(texts):
    found = indices_of_texts("a=", pa.array(texts, pa.string()), BITS)
    assert found.tolist() == [index(f"a={text or ''}") for text in texts]
