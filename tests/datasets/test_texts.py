"""The generated texts: what they promise about their rows, measured on them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from petafit.datasets.clicks import PROBABILITY
from petafit.datasets.text_model import ENDINGS, FAMILY_STEMS, families_of, vocabulary
from petafit.datasets.texts import MAIN, Texts


def read(texts: Texts) -> pa.Table:
    batches = (batch for shard in range(texts.shards) for batch in texts.read(shard))
    return pa.Table.from_batches(batches, schema=texts.schema)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """60,000 rows of 10 days."""
    frame: pd.DataFrame = read(Texts(rows=60_000)).unify_dictionaries().to_pandas()
    return frame


def test_the_rows_do_not_depend_on_the_shards() -> None:
    whole = Texts(rows=1_000, block_rows=64)
    assert read(whole).num_rows == 1_000
    for shards in (3, 16, 20):
        parts = Texts(rows=1_000, block_rows=64, shards=shards)
        assert list(read(parts).to_batches()) == list(read(whole).to_batches())


def test_a_shard_resumes_after_the_batches_already_read() -> None:
    texts = Texts(rows=1_000, block_rows=64, shards=2)
    assert list(texts.read(1, skip=3)) == list(texts.read(1))[3:]


def test_other_seeds_give_other_rows_and_the_same_seed_the_same() -> None:
    assert read(Texts(rows=100)).equals(read(Texts(rows=100)))
    assert not read(Texts(rows=100)).equals(read(Texts(rows=100, seed=2)))
    assert Texts(rows=100).identity != Texts(rows=100, seed=2).identity


@pytest.mark.parametrize(("rows", "days"), [(1, 10), (10, 10), (1_003, 7), (200, 365)])
def test_days_are_in_order_and_equally_long(rows: int, days: int) -> None:
    table = read(Texts(rows=rows, days=days, block_rows=64))
    assert table["id"].to_pylist() == list(range(rows))
    lengths = np.bincount(table["day"].to_numpy(), minlength=days)
    assert (np.diff(table["day"].to_numpy()) >= 0).all()
    assert lengths.max() - lengths.min() <= 1


def test_the_table_has_all_columns_but_the_hidden_ones() -> None:
    schema = Texts(rows=1).table_schema
    assert schema.names == ["id", "day", "text", "label"]
    assert schema.field("text").type == pa.string()


def test_texts_have_about_40_to_120_characters(frame: pd.DataFrame) -> None:
    lengths = frame["text"].str.len()
    assert 60 < lengths.mean() < 85
    assert lengths.quantile(0.05) > 38
    assert lengths.quantile(0.98) < 125
    assert not frame["text"].str.contains("  |^ | $").any()
    assert frame["text"].nunique() == len(frame)


@pytest.mark.parametrize("classes", [2, 5, 7, 12, 60])
def test_every_class_is_there_from_frequent_to_rare(classes: int) -> None:
    table = read(Texts(rows=20_000, classes=classes))
    counts = table["label"].combine_chunks().value_counts()
    shares = {row["values"]: row["counts"] / 20_000 for row in counts.to_pylist()}
    assert len(shares) == classes
    assert shares["class 00"] > shares[f"class {classes - 1:02d}"] > 0


def test_the_label_is_the_main_class_with_the_hidden_probability(frame: pd.DataFrame) -> None:
    bins = pd.cut(frame[PROBABILITY], [0, 0.3, 0.5, 0.7, 0.9, 0.99, 1])
    groups = frame.groupby(bins, observed=True)
    np.testing.assert_allclose(groups[MAIN].mean(), groups[PROBABILITY].mean(), atol=0.03)
    best = np.maximum(frame[PROBABILITY], 1 - frame[PROBABILITY]).mean()
    assert best == pytest.approx(0.94, abs=0.01)


def test_families_have_stems_of_their_own_and_share_some_endings() -> None:
    words = vocabulary(60, 1)
    families = families_of(60)
    assert (words.stems.shape, words.endings.shape) == ((60, FAMILY_STEMS), (60, ENDINGS))
    for other in range(1, 60):
        akin = other % families == 0
        assert (set(words.stems[0]) == set(words.stems[other])) == akin
        assert bool(set(words.endings[0]) & set(words.endings[other])) <= akin
    morphemes = words.morphemes.to_pylist()
    assert morphemes[words.bare] == ""
    assert [f"{morphemes[i]} " for i in words.endings[3]] == [
        morphemes[i + words.space] for i in words.endings[3]
    ]


def test_a_linear_model_learns_much_but_not_all(frame: pd.DataFrame) -> None:
    """On 20,000 rows; on 90,000 it reaches .91."""
    vectorizer = HashingVectorizer(
        analyzer="char", ngram_range=(3, 4), n_features=1 << 16, dtype=np.float32
    )
    X = vectorizer.transform(frame["text"][:22_000])
    label = frame["label"][:22_000]
    model = SGDClassifier(
        loss="log_loss", alpha=1e-6, learning_rate="constant", eta0=3, max_iter=1, tol=None
    )
    accuracy = model.fit(X[:20_000], label[:20_000]).score(X[20_000:], label[20_000:])
    assert 0.75 < accuracy < 0.92
