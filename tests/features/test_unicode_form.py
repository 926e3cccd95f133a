"""Texts in one Unicode form: as Python's own unicodedata has them, on every path of the encoder."""

import sys
import unicodedata
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import ContractError, StorageError
from petafit.features.classes import as_classes
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import CROSS, Categorical, Cross, Text
from petafit.features.profile import Profile
from petafit.features.unicode_form import NormalTexts, normalized, texts_of
from petafit.store.arrays import StateDict

FORMS = get_args(UnicodeForm)
FEATURES = (
    Categorical("c"),
    Categorical("n"),
    Cross((Categorical("c"), Categorical("t"))),
    Cross((Categorical("n"), Categorical("c"))),
    Text("t", "word", (1, 2)),
    Text("t", "char", (1, 3), lowercase=False),
    Text("c", "char", (1, 2)),
)
FACTS = TableStatistics(1, 1, {}, classes=("\u00e9", "e", "\ufb01"))
KINDS = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()))

# Marks that compose, and are put in order, letters of several parts, and signs of compatibility.
PIECES = (
    "aeoAES\u0301\u0308\u0323\u031b\u00e9\u1e69\u212b\ufb01\u00b5\u1100\u1161\u11a8\uac01 x\u00d7"
)
texts = st.text(PIECES, max_size=6) | st.text(max_size=4)
forms = st.sampled_from(FORMS)


def in_form(text: str | None, form: UnicodeForm) -> str | None:
    return None if text is None else unicodedata.normalize(form, text)


@given(values=st.lists(st.none() | texts, max_size=8), form=forms)
def test_texts_are_normalized_as_python_does(values: list[str | None], form: UnicodeForm) -> None:
    expected = [in_form(value, form) for value in values]
    assert normalized(pa.array(values, pa.string()), form, "c").to_pylist() == expected
    for kind in KINDS:
        assert texts_of(pa.array(values).cast(kind), form, "c").to_pylist() == expected
        assert texts_of(pa.array(values).cast(kind), None, "c").to_pylist() == values


@pytest.mark.parametrize("form", FORMS)
def test_the_sign_of_crosses_combines_with_nothing(form: UnicodeForm) -> None:
    every = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) != "Cn"]
    alone = [unicodedata.normalize(form, each) for each in every]
    assert unicodedata.normalize(form, CROSS) == CROSS
    joined = [unicodedata.normalize(form, f"{each}{CROSS}{each}") for each in every]
    assert joined == [f"{each}{CROSS}{each}" for each in alone]


@given(
    dictionaries=st.lists(st.lists(texts, max_size=5), max_size=6), form=forms, grows=st.booleans()
)
def test_dictionaries_that_grow_shrink_and_change(
    dictionaries: list[list[str]], form: UnicodeForm, grows: bool
) -> None:
    normal, known = NormalTexts(form, "c"), pa.array([], pa.string())
    for values in dictionaries:
        new = pa.array(values, pa.string())
        known = pa.concat_arrays([known, new]) if grows else new
        codes = pa.array([None, *range(len(known))], pa.int32())
        found = normal.of(pa.DictionaryArray.from_arrays(codes, known))
        assert found.to_pylist() == [None, *(in_form(t, form) for t in known.to_pylist())]
        assert normal.of(pa.DictionaryArray.from_arrays(codes, known)).dictionary.equals(
            found.dictionary
        )


def encoded(batch: pa.RecordBatch, form: UnicodeForm | None) -> Any:
    return Encoder(FEATURES, FACTS, hash_bits=20, label="y", unicode=form)(batch)


@given(
    rows=st.lists(st.tuples(st.none() | texts, st.none() | texts, st.sampled_from("e\ufb01")),
                  min_size=1, max_size=8),
    form=forms,
    kind=st.sampled_from(KINDS),
)  # fmt: skip
def test_the_encoder_gives_the_result_for_normalized_rows(
    rows: list[tuple[str | None, str | None, str]], form: UnicodeForm, kind: pa.DataType
) -> None:
    def batch_of(change: Any) -> pa.RecordBatch:
        columns = [
            pa.array([change(value) for value in column]) for column in zip(*rows, strict=True)
        ]
        c, t, y = (column.cast(pa.string()).cast(kind) for column in columns)
        return pa.record_batch({"c": c, "t": t, "y": y, "n": pa.array(range(len(rows)))})

    statistics = TableStatistics(
        1, 1, {}, classes=as_classes(["e", "\ufb01"], pa.string(), "y", form)
    )
    encode = Encoder(FEATURES, statistics, hash_bits=20, label="y", unicode=form)
    found = encode(batch_of(lambda text: text))
    expected = Encoder(FEATURES, statistics, hash_bits=20, label="y")(
        batch_of(lambda text: in_form(text, form))
    )
    assert (found.X != expected.X).nnz == 0
    np.testing.assert_array_equal(found.y, expected.y)


@given(labels=st.lists(texts, min_size=2, max_size=8), form=forms, coded=st.booleans())
def test_classes_are_found_in_one_form(labels: list[str], form: UnicodeForm, coded: bool) -> None:
    profile = Profile((), label="y", kind="classes", unicode=form)
    column = pa.array(labels).dictionary_encode() if coded else pa.array(labels)
    found = profile.reduce(profile.start(), pa.record_batch({"y": column}))
    assert found.params["classes"] == sorted({in_form(label, form) for label in labels})


def test_classes_named_in_the_settings_are_brought_to_the_form() -> None:
    named = ["e\u0301", "b"]
    assert as_classes(named, pa.string(), "y", "NFC") == ("\u00e9", "b")
    assert as_classes(named, pa.string(), "y") == tuple(named)
    assert as_classes(["1", "2"], pa.int64(), "y", "NFC") == (1, 2)
    with pytest.raises(ContractError, match="Two classes of the label 'y' are the same value"):
        as_classes(["e\u0301", "\u00e9"], pa.string(), "y", "NFD")


def test_text_that_is_not_utf8_is_one_clear_error() -> None:
    texts = pa.array([b"\xff"]).view(pa.string())
    with pytest.raises(ContractError, match="'c' holds text that is not UTF-8"):
        encoded(pa.record_batch({"c": texts, "t": ["a"], "y": ["e"], "n": [1]}), "NFC")
    with pytest.raises(ContractError, match="'y' holds text that is not UTF-8"):
        encoded(pa.record_batch({"c": ["a"], "t": ["a"], "y": texts, "n": [1]}), "NFC")


def test_a_model_stores_the_form_only_where_there_is_one() -> None:
    plain = Encoder(FEATURES, FACTS, hash_bits=8, label="y").to_state_dict()
    assert "unicode" not in plain.params
    assert Encoder.from_state_dict(plain).unicode is None
    stored = Encoder(FEATURES, FACTS, hash_bits=8, label="y", unicode="NFKC").to_state_dict()
    assert Encoder.from_state_dict(stored).unicode == "NFKC"
    with pytest.raises(StorageError, match="wrong parameter 'unicode'"):
        Encoder.from_state_dict(StateDict(stored.arrays, {**stored.params, "unicode": "nfc"}))
