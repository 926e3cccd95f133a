import re
import string
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from petafit.errors import ContractError
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import Categorical, Text
from petafit.features.text.hashing import SEPARATORS
from petafit.features.text.ngrams import TextBlock
from tests.features.text.ngrams import l2, n_grams

BITS = 24
MIXED = st.text(
    st.sampled_from("aabB1_ -.,\n'äßÄéΣªµ×\u200d\u2003、人々ー・🙂👩\U0010ffff"), max_size=40
)
TEXTS = st.lists(st.none() | st.text(max_size=15) | MIXED, max_size=6)
FEATURES = st.builds(
    Text,
    column=st.sampled_from(["t", "t2", "title", "titel"]),  # prefixes of every length mod 4
    analyzer=st.sampled_from(["word", "char"]),
    ngrams=st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda n: (min(n), max(n))),
    lowercase=st.booleans(),
    norm=st.sampled_from(["l2", "none"]),
)
SENTENCES = [
    "Der Zug hält in Köln, nicht in Bonn.",
    "the cat sat on the mat; the dog did not",
    "",
    "a",
    "x_1 = 3.5 * y2 # not a text",
]


STRING = pa.string()


def batch(texts, name="t", kind=STRING):
    return pa.RecordBatch.from_arrays([pa.array(texts, STRING).cast(kind)], [name])


def rows(ragged):
    """Each row as {index: value}; every index must occur once."""
    assert (ragged.indices.dtype, ragged.values.dtype) == (np.int32, np.float32)
    assert ragged.offsets[0] == 0
    assert ragged.offsets[-1] == len(ragged.indices) == len(ragged.values)
    found = []
    for start, stop in zip(ragged.offsets[:-1], ragged.offsets[1:], strict=True):
        indices = ragged.indices[start:stop].tolist()
        found.append(dict(zip(indices, ragged.values[start:stop].tolist(), strict=True)))
        assert len(found[-1]) == len(indices)
    return found


def encoded(texts, *features, hash_bits=BITS):
    return rows(TextBlock(features, hash_bits).encode(batch(texts, features[0].column)))


def expected(feature, text, hash_bits=BITS):
    counts = Counter(
        feature_index(f"{feature.name}={gram}", hash_bits) for gram in n_grams(feature, text)
    )
    norm = l2(counts) if feature.norm == "l2" else 1.0
    return {index: pytest.approx(count / norm) for index, count in counts.items()}


@given(TEXTS, FEATURES)
def test_any_text_by_any_feature(texts, feature):
    assert encoded(texts, feature) == [expected(feature, text) for text in texts]


@given(TEXTS, FEATURES, st.integers(1, 6))
def test_indices_that_collide_are_added_up_before_the_norm(texts, feature, hash_bits):
    found = encoded(texts, feature, hash_bits=hash_bits)
    assert found == [expected(feature, text, hash_bits) for text in texts]


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_long_texts_among_short_ones(analyzer):
    rng = np.random.default_rng(0)
    alphabets = (string.ascii_letters + "    ", "äöüß日本 🙂")
    texts = [
        "".join(rng.choice([*alphabet], size))
        for size in (3, 5000, 0, 7, 20_000, 2)
        for alphabet in alphabets
    ]
    feature = Text("t", analyzer, (1, 4), norm="none")
    assert encoded(texts, feature) == [expected(feature, text) for text in texts]


@pytest.mark.parametrize("ngrams", [(1, 1), (3, 5), (2, 6)])
def test_character_n_grams_are_those_of_scikit_learn(ngrams):
    feature = Text("t", "char", ngrams)
    vectorizer = CountVectorizer(analyzer="char", ngram_range=ngrams)
    hashed = HashingVectorizer(analyzer="char", ngram_range=ngrams, alternate_sign=False)
    for found, text, norms in zip(
        encoded(SENTENCES, feature), SENTENCES, hashed.transform(SENTENCES), strict=True
    ):
        cut = vectorizer.build_analyzer()(text)
        assert found.keys() == {feature_index(f"t_chars={gram}", BITS) for gram in cut}
        np.testing.assert_allclose(sorted(found.values()), sorted(norms.data), rtol=1e-6)


def test_word_n_grams_are_those_of_scikit_learn():
    analyzer = CountVectorizer(token_pattern=r"\w+", ngram_range=(1, 3)).build_analyzer()
    feature = Text("t", "word", (1, 3), norm="none")
    for found, text in zip(encoded(SENTENCES, feature), SENTENCES, strict=True):
        counts = Counter(feature_index(f"t_words={gram}", BITS) for gram in analyzer(text))
        assert found == counts


def test_separators_are_spaces_controls_and_punctuation_but_no_letter_mark_or_digit():
    import unicodedata

    separators = {code for a, b in SEPARATORS for code in range(a, b + 1)}
    assert sorted(SEPARATORS) == list(SEPARATORS)
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        if category in ("Zs", "Zl", "Zp", "Cc"):
            assert code in separators, hex(code)
        if category[0] in "LM" or category == "Nd":
            assert code not in separators, hex(code)
    for code in range(128):
        assert (code in separators) == (re.match(r"\w", chr(code)) is None)


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
@given(texts=st.lists(st.none() | st.sampled_from(["", "Ab", "ab ä"]), max_size=12), data=st.data())
def test_types_and_slices_that_hold_the_same_texts_give_the_same(kind, texts, data):
    start = data.draw(st.integers(0, len(texts)))
    stop = data.draw(st.integers(start, len(texts)))
    features = (Text("t", "word"), Text("t", "char", (1, 2)))
    found = TextBlock(features, BITS).encode(batch(texts, kind=kind).slice(start, stop - start))
    assert rows(found) == encoded(texts[start:stop], *features)


def test_dictionaries_of_more_texts_than_the_batch_has():
    texts = [f"text {i}" for i in range(100)]
    codes = pa.array([70, None, 3, 70, 99], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, texts)
    found = TextBlock([Text("t")], BITS).encode(pa.RecordBatch.from_arrays([column], ["t"]))
    assert rows(found) == encoded(["text 70", None, "text 3", "text 70", "text 99"], Text("t"))


def test_several_features_stand_side_by_side_in_each_row():
    features = (Text("t", "char", (2, 3)), Text("t", "word", lowercase=False, norm="none"))
    for found, text in zip(encoded(SENTENCES, *features), SENTENCES, strict=True):
        assert found == expected(features[0], text) | expected(features[1], text)


@pytest.mark.parametrize("column", [pa.nulls(3), pa.nulls(3, pa.string()), pa.array(["", None])])
def test_missing_and_empty_texts_give_nothing(column):
    found = TextBlock([Text("t")], BITS).encode(pa.RecordBatch.from_arrays([column], ["t"]))
    assert rows(found) == [{}] * len(column)


def test_without_text_features_there_is_nothing():
    assert TextBlock([Categorical("t")], BITS).encode(batch(["a"])) is None


@pytest.mark.parametrize("broken", [b"\xf0\x9f", b"ab\xe4", b"\x80\x80x", b"\xff \xff"])
def test_text_that_is_not_utf8_is_refused_or_cut_into_bytes(broken):
    offsets = pa.py_buffer(np.array([0, len(broken)], np.int32))
    text = pa.StringArray.from_buffers(1, offsets, pa.py_buffer(broken))
    row = pa.RecordBatch.from_arrays([text], ["t"])
    with pytest.raises(ContractError, match="'t' holds text that is not UTF-8"):
        TextBlock([Text("t")], BITS).encode(row)
    for analyzer in ("word", "char"):
        [found] = rows(TextBlock([Text("t", analyzer, lowercase=False)], BITS).encode(row))
        assert sum(value**2 for value in found.values()) in (0, pytest.approx(1))
