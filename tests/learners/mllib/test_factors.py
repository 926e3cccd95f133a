"""Preferences from factors: Spark's own numbers, ranks and best items."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.settings import LearnerChoice
from petafit.errors import DivergedError, StorageError
from petafit.learners.mllib.factors import PreferenceFactors
from petafit.learners.mllib.ids import IdTable
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder


def factors(n_users: int = 7, n_items: int = 9, rank: int = 3) -> PreferenceFactors:
    random = np.random.default_rng(0)
    users = IdTable.of([pa.array(np.arange(n_users))], pa.int64())
    items = IdTable.of([pa.array([f"i{k}" for k in range(n_items)])], pa.large_binary())
    of_users, of_items = (random.normal(size=(n, rank)) for n in (n_users, n_items))
    return PreferenceFactors(users, items, of_users.astype(np.float32), of_items.astype(np.float32))


@pytest.mark.parametrize("implicit", [False, True])
def test_predictions_are_those_of_sparks_model(spark: Any, tmp_path: Path, implicit: bool) -> None:
    from petafit.learners.mllib import estimators as mllib
    from petafit.learners.mllib.ratings import StoredIds, factors_of
    from petafit.spark.compatibility import frame_of

    random = np.random.default_rng(0)
    users, items = random.integers(0, 30, 300), random.integers(0, 20, 300)
    columns = {
        mllib.USER: pa.array(users, pa.int32()),
        mllib.ITEM: pa.array(items, pa.int32()),
        mllib.LABEL: random.random(300) * 5,
    }
    frame = frame_of(spark, pa.table(columns)).coalesce(1)
    params: Any = {"userCol": "u", "itemCol": "i", "rank": 4, "maxIter": 3}
    choice = LearnerChoice(name="mllib.ALS", params={**params, "implicitPrefs": implicit})
    estimator = mllib.make_estimator(choice, kind="recommender", seed=1)
    fitted = estimator.fit(frame).stages[-1]
    tables = {
        "u": IdTable.of([pa.array(users)], pa.int64()),
        "i": IdTable.of([pa.array(items)], pa.int64()),
    }
    folder = Folder(tmp_path)
    own = factors_of(fitted, StoredIds.write(folder, tables), folder)
    pairs = {
        mllib.USER: pa.array([*users, 5, 999], pa.int32()),
        mllib.ITEM: pa.array([*items, 999, 5], pa.int32()),
    }
    sparks = fitted.transform(frame_of(spark, pa.table(pairs))).toPandas()
    sparks = sparks.set_index([mllib.USER, mllib.ITEM])["prediction"]
    found = own.predict(pairs[mllib.USER], pairs[mllib.ITEM])
    expected = [
        sparks.loc[[pair]].iloc[0]
        for pair in zip(*(column.to_pylist() for column in pairs.values()), strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.isnan(found[-2:]).all()
    best = {row[0]: row[1] for row in fitted.recommendForAllUsers(3).collect()}
    of_users = zip(*own.best_items(np.arange(30), 3), strict=True)
    for user, (of_user, preferences) in enumerate(of_users):
        assert of_user.tolist() == [each[0] for each in best[user]]
        np.testing.assert_allclose(preferences, [each[1] for each in best[user]], rtol=1e-5)


def test_percentile_ranks_are_those_of_a_sorted_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the block: equal preferences count half."""
    model = factors()
    model.of_items[4] = model.of_items[2]
    users, items = (each.ravel() for each in np.mgrid[0:7, 0:9])
    preferences = model.of_users @ model.of_items.T
    expected = [
        (np.sum(preferences[u] > preferences[u, i] + 1e-6) + (0.5 if i in (2, 4) else 0)) / 8
        for u, i in zip(users, items, strict=True)
    ]
    for block in (1, 20, 1 << 16):
        monkeypatch.setattr("petafit.learners.mllib.factors._BLOCK", block)
        np.testing.assert_array_equal(model.percentile_ranks(users, items), expected)
    assert np.mean(expected) == 0.5
    one = PreferenceFactors(
        model.users, IdTable(model.items.ids[:1]), model.of_users, model.of_items[:1]
    )
    assert one.percentile_ranks(np.array([1]), np.array([0])).tolist() == [0.5]


def test_equally_good_items_come_in_the_order_of_their_ids() -> None:
    model = factors()
    model.of_items[3:8] = model.of_items[np.argmax(model.of_items @ model.of_users[0])]
    items, preferences = model.best_items(np.array([0, 0]), 4)
    assert items.tolist() == [sorted(items[0].tolist())] * 2
    assert set(items[0]) <= {0, 1, 2, 3, 4, 5, 6, 7, 8}
    assert {3, 4, 5} <= set(items[0])
    assert (preferences == preferences[0, 0]).all()
    everything, _ = model.best_items(np.array([1]), 100)
    assert sorted(everything[0]) == list(range(9))


def test_damaged_factors_are_refused() -> None:
    whole = factors().to_state_dict()
    for name, array in (
        ("of_users", whole.arrays["of_users"][:-1]),
        ("of_items", whole.arrays["of_items"][:, :2]),
        ("of_items", whole.arrays["of_items"].astype(np.float64)),
        ("of_users", whole.arrays["of_users"] * np.float32(np.nan)),
    ):
        with pytest.raises(ValueError, match="factors"):
            PreferenceFactors.from_state_dict(
                StateDict({**whole.arrays, name: array}, whole.params)
            )


@pytest.mark.parametrize(
    ("ids", "features", "error", "said"),
    [
        ([0, 1], [[1.0], [float("nan")]], DivergedError, "regParam"),
        ([0], [[1.0]], StorageError, "expected 2; got 1"),
        ([0, 7], [[1.0], [2.0]], StorageError, "damaged"),
    ],
)
def test_factors_that_spark_wrote_are_checked(
    tmp_path: Path, ids: list[int], features: Any, error: type[Exception], said: str
) -> None:
    import pyarrow.parquet as pq

    from petafit.learners.mllib.ratings import collected

    written = {"id": pa.array(ids, pa.int32()), "features": pa.array(features)}
    pq.write_table(pa.table(written), tmp_path / "part.parquet")
    with pytest.raises(error, match=said):
        collected(Folder(tmp_path), 2)
