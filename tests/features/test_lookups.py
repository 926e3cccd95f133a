"""Counts and means of the label, against numpy and scikit-learn."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler, TargetEncoder

from petafit.errors import ContractError, StorageError
from petafit.features import lookup_sums
from petafit.features.encoder import Encoder
from petafit.features.encoding.lookup import row_folds
from petafit.features.feature import Categorical, Count, Numeric, TargetMean
from petafit.features.profile import Profile
from petafit.features.value_table import FOLDS
from petafit.store.arrays import StateDict, from_bytes, to_bytes

FEATURES = (TargetMean("city"), Categorical("city"), Count("city"), Numeric("x"))
ROWS = 3000


def table(seed: int = 0) -> pa.Table:
    random = np.random.default_rng(seed)
    city = np.minimum(random.geometric(0.05, ROWS), 60)
    margin = np.sin(city) + random.normal(size=ROWS)
    names = [None if code == 7 else f"city {code}" for code in city]
    return pa.table(
        {
            "id": np.arange(ROWS),
            "city": pa.array(names, pa.string()),
            "x": random.normal(size=ROWS),
            "late": pa.array(np.where(margin > 0, "yes", "no")),
            "delay": margin,
            "weight": random.integers(0, 4, ROWS).astype(float),
        }
    )


def profile(label: str, features=FEATURES, weight=None) -> Profile:
    kind = "number" if label == "delay" else "classes"
    return Profile(features, label=label, kind=kind, weight=weight, keys=["id"])


def encoder(content: pa.Table, label: str, features=FEATURES, weight=None) -> Encoder:
    aggregator = profile(label, features, weight)
    batches = content.to_batches(max_chunksize=257)
    statistics = aggregator.finish(reduce(aggregator.reduce, batches, aggregator.start()))
    return Encoder(features, statistics, hash_bits=8, label=label, folds_by=["id"], dtype="float64")


def numbers(made: Encoder, content: pa.Table) -> dict[str, np.ndarray]:
    """The values of each feature that is a number; NaN where it is left out."""
    (batch,) = content.combine_chunks().to_batches()
    X = made(batch, labels=False).X.tocsc()
    found = {}
    for index, name in zip(made.space.numbers, made.space.names, strict=True):
        column = X[:, [index]].tocoo()
        found[name] = np.full(content.num_rows, np.nan)
        found[name][column.coords[0]] = column.data
    return found


def transformed(values: np.ndarray, label: str) -> np.ndarray:
    return np.log(values / (1 - values)) if label == "late" else values


def standard(values: np.ndarray, of: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    return StandardScaler().fit(of[:, None], None, weight).transform(values[:, None])[:, 0]


@pytest.mark.parametrize("label", ["late", "delay"])
def test_means_are_those_of_scikit_learn_for_other_rows(label):
    content = table()
    known = content.filter(content["city"].is_valid())
    target = known[label].to_numpy(zero_copy_only=False)
    X = known["city"].to_numpy(zero_copy_only=False)[:, None]
    fitted = TargetEncoder(smooth=20.0).fit(X, target)
    expected = transformed(fitted.transform(X)[:, 0], label)
    # petafit's overall mean is over the same rows, since null is no category.
    found = numbers(encoder(content, label).of_other_rows(), known)["city_target"]
    np.testing.assert_allclose(found, standard(expected, expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("label", ["late", "delay"])
def test_training_rows_get_means_of_the_other_folds(label, weight):
    content = table()
    whole = encoder(content, label, weight=weight)
    (batch,) = content.combine_chunks().to_batches()
    folds, city = row_folds(batch, ["id"]), np.array(content["city"].to_pylist(), object)
    y = content[label].to_numpy(zero_copy_only=False)
    y = (y == "yes").astype(float) if label == "late" else y
    w = np.ones(ROWS) if weight is None else content[weight].to_numpy()
    known = np.array([name is not None for name in city])
    assert set(folds) == set(range(FOLDS))

    def means(used: np.ndarray) -> np.ndarray:
        prior = np.average(y[used & known], weights=w[used & known])
        found = np.full(ROWS, np.nan)
        for name in set(city[known]):
            own = used & (city == name)
            found[city == name] = (w[own] @ y[own] + 20 * prior) / (w[own].sum() + 20)
        return transformed(found, label)

    everywhere = means(np.ones(ROWS, bool))
    expected = np.full(ROWS, np.nan)
    for fold in range(FOLDS):
        expected[folds == fold] = means(folds != fold)[folds == fold]
    expected[known] = standard(expected[known], everywhere[known], w[known])
    np.testing.assert_allclose(numbers(whole, content)["city_target"], expected, atol=1e-5)


@pytest.mark.parametrize("weight", [None, "weight"])
def test_counts_are_those_of_numpy(weight):
    content = table()
    found = numbers(encoder(content, "late", weight=weight), content)["city_count"]
    city = content["city"].to_pylist()
    w = [1.0] * ROWS if weight is None else content[weight].to_pylist()
    rows = {name: sum(n for c, n in zip(city, w, strict=True) if c == name) for name in set(city)}
    counts = np.log1p([np.nan if name is None else rows[name] for name in city])
    known = ~np.isnan(counts)
    expected = np.full(ROWS, np.nan)
    expected[known] = standard(counts[known], counts[known], np.array(w)[known])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_values_that_training_did_not_have_get_the_overall_mean_and_the_smallest_count():
    content = table()
    made = encoder(content, "delay").of_other_rows()
    new = content.slice(0, 2).set_column(1, "city", pa.array(["nowhere", None], pa.string()))
    found, of_training = numbers(made, new), numbers(made, content)
    assert np.isnan([found["city_target"][1], found["city_count"][1]]).all()
    assert found["city_count"][0] < np.nanmin(of_training["city_count"])
    assert abs(found["city_target"][0]) < 0.5


@pytest.mark.parametrize("label", ["late", "delay"])
def test_a_stored_encoder_gives_the_same_numbers(label):
    content = table()
    made = encoder(content, label)
    stored = Encoder.from_state_dict(from_bytes(to_bytes(made.to_state_dict())), dtype="float64")
    expected = numbers(made.of_other_rows(), content)
    for name, values in numbers(stored, content).items():
        np.testing.assert_array_equal(values, expected[name])
    assert (numbers(made, content)["city_target"] != expected["city_target"]).any()


def test_a_damaged_table_is_refused():
    named = encoder(table(), "late").to_state_dict()
    for change in (np.array([np.nan]), named.arrays["tables/city_count/values"][:-1]):
        arrays = {**named.arrays, "tables/city_count/values": change}
        with pytest.raises(StorageError, match="damaged"):
            Encoder.from_state_dict(StateDict(arrays, named.params))


def test_more_than_two_classes_are_refused():
    content = table().append_column("kind", pa.array([f"{n % 3}" for n in range(ROWS)]))
    with pytest.raises(ContractError, match=r"two classes.*3 classes"):
        encoder(content, "kind")
    assert encoder(content, "kind", (Count("city"),)).space.names == ("city_count",)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, ROWS), min_size=2, max_size=2), seed=st.integers(0, 5))
def test_beyond_the_limit_values_share_numbers_the_same_for_any_shards(cuts, seed):
    before, after = sorted(cuts)
    content = table(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup_sums, "MOST_CELLS", 16)
        aggregator = profile("delay")
        shards = [content.slice(0, before), content.slice(before, after - before)]
        shards.append(content.slice(after))
        summaries = [
            aggregator.lift(reduce(aggregator.reduce, s.to_batches(), aggregator.start()))
            for s in shards
        ]
        together = aggregator.finish(reduce(aggregator.merge, summaries)).tables
        backwards = aggregator.finish(reduce(aggregator.merge, summaries[::-1])).tables
        alone = encoder(content, "delay").statistics.tables
    for name, expected in alone.items():
        assert 4 <= len(expected.cells) <= 16
        for found in (together[name], backwards[name]):
            np.testing.assert_array_equal(found.cells, expected.cells)
            np.testing.assert_allclose(found.values, expected.values, atol=1e-9)
