"""Categories become codes, or the mean labels of scikit-learn's encoder, out of fold."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import TargetEncoder

from petafit.errors import ConfigurationError
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Boolean, Categorical, DatePart, Numeric
from petafit.learners.xgboost import categories
from petafit.learners.xgboost.categories import (
    MOST_CODES,
    SMOOTHING,
    CategoryStatistics,
    CountCategories,
    folds_of,
)
from petafit.learners.xgboost.matrix import MatrixEncoder, fold_means

ROWS, VALUES = 4000, 600


def table(n_classes: int = 2) -> pa.RecordBatch:
    """A column of many values and one of few, both with nulls."""
    random = np.random.default_rng(0)
    many = random.integers(0, VALUES, ROWS)
    few = random.integers(0, 5, ROWS)
    label = (random.random(ROWS) * n_classes * (0.5 + many / VALUES / 2)).astype(int)
    return pa.record_batch(
        {
            "many": pa.array([f"v{k}" for k in many], mask=random.random(ROWS) < 0.01),
            "few": pa.array([f"f{k}" for k in few], mask=few == 4),
            "label": label,
        }
    )


def encoder(n_classes: int = 2) -> Encoder:
    statistics = TableStatistics(None, None, {}, tuple(range(n_classes)))
    features = (Categorical("many"), Categorical("few"))
    return Encoder(features, statistics, hash_bits=20, label="label")


def counted(batches: list[pa.RecordBatch], n_classes: int = 2) -> CategoryStatistics:
    counting = CountCategories(encoder(n_classes))
    return counting.finish(counting.lift(reduce(counting.reduce, batches, counting.start())))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_many_values_become_scikit_learns_mean_labels(n_classes: int) -> None:
    rows = table(n_classes)
    present = np.asarray(rows["many"].is_valid())
    known = rows.filter(pa.array(present))
    texts = known["many"].to_numpy(zero_copy_only=False)[:, None]
    encoded = TargetEncoder(smooth=SMOOTHING).fit(texts, known["label"].to_numpy())

    matrix = MatrixEncoder.of(encoder(n_classes), counted([known], n_classes))
    n_means = n_classes if n_classes > 2 else 1
    np.testing.assert_allclose(matrix(rows)[present, :n_means], encoded.transform(texts), rtol=1e-5)
    assert np.isnan(matrix(rows)[~present, :n_means]).all()


def test_a_row_does_not_see_the_labels_of_its_fold() -> None:
    rows = table()
    statistics = counted([rows])
    folds = folds_of(0, ROWS)
    found = MatrixEncoder.of(encoder(), statistics)(rows, fold_means(statistics), folds)
    others = rows.filter(pa.array(folds != 2))
    of_others = MatrixEncoder.of(encoder(), counted([others]))
    mean = (rows["label"].to_numpy().mean(), others["label"].to_numpy().mean())
    own = pa.array(folds == 2)
    expected = of_others(rows.filter(own))[:, 0]
    # but for the mean of all labels, to which rare values are drawn
    np.testing.assert_allclose(found[folds == 2, 0], expected, atol=2 * abs(mean[0] - mean[1]))
    assert sorted(np.unique(folds, return_counts=True)[1] > ROWS / 5) == [True] * 4


def test_few_values_become_codes() -> None:
    rows = table()
    matrix = MatrixEncoder.of(encoder(), counted([rows]))
    assert matrix.types == ["q", "c"]
    texts, codes = rows["few"].to_pylist(), matrix(rows)[:, 1]
    pairs = {
        (text, -1 if np.isnan(code) else int(code)) for text, code in zip(texts, codes, strict=True)
    }
    assert len(pairs) == 5
    assert {code for _, code in pairs} == {-1, 0, 1, 2, 3}
    assert (None, -1) in pairs
    unseen = rows.set_column(1, "few", pa.array(["new"] * ROWS))
    assert np.isnan(matrix(unseen)[:, 1]).all()


def test_batches_and_shards_change_nothing() -> None:
    rows = table()
    whole = counted([rows])
    in_batches = counted([rows.slice(at, 700) for at in range(0, ROWS, 700)])
    assert in_batches.to_state_dict() == whole.to_state_dict()
    counting = CountCategories(encoder())
    halves = (counting.reduce(counting.start(), rows.slice(at, 2000)) for at in (0, 2000))
    merged = counting.finish(counting.merge(*halves))
    np.testing.assert_array_equal(merged.means(), whole.means())
    for found, expected in zip(merged.values, whole.values, strict=True):
        assert (found is None) == (expected is None)
        np.testing.assert_array_equal(found, expected)


def test_the_bound_of_codes_is_exact() -> None:
    def known(values: int) -> bool:
        texts = pa.array([f"v{k % values}" for k in range(ROWS)])
        rows = table().set_column(0, "many", texts)
        return counted([rows.slice(at, 900) for at in range(0, ROWS, 900)]).values[0] is not None

    assert [known(MOST_CODES), known(MOST_CODES + 1)] == [True, False]


def test_too_many_values_with_too_many_classes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categories, "MOST_MEANS", 2)
    with pytest.raises(ConfigurationError, match="too many values for trees: many; expected up to"):
        counted([table(3)], 3)


def test_numbers_dates_and_booleans_stay_numbers() -> None:
    features = (Numeric("n", "none", False, "none"), Boolean("b"), DatePart("d", "month"))
    own = Encoder(features, encoder().statistics, hash_bits=4)
    rows = pa.record_batch(
        {
            "n": pa.array([1.5, None]),
            "b": pa.array([True, None]),
            "d": pa.array([None, 31], pa.date32()),
        }
    )
    matrix = MatrixEncoder.of(own, CategoryStatistics(2, (), np.zeros((0, 4, 2)), np.ones(2)))
    assert matrix.names == ["n", "b", "d_month"]
    np.testing.assert_array_equal(matrix(rows), [[1.5, 1, np.nan], [np.nan, np.nan, 2]])
