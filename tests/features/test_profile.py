from dataclasses import replace
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.features.column_statistics import TableStatistics
from petafit.features.feature import Categorical, Cross, Numeric, QuantileBinned
from petafit.features.profile import MOST_CLASSES, Profile
from petafit.store.arrays import StateDict, from_bytes, to_bytes

FEATURES = (
    Numeric("x"),
    Numeric("n", log1p=True),
    Categorical("c"),
    QuantileBinned("x", 3),
    Cross((Categorical("c"), QuantileBinned("n", 4))),
)
CLASSES = Profile(FEATURES, label="y", kind="classes", weight="w")
NUMBER = Profile(FEATURES, label="n", kind="number")

ROWS = st.lists(
    st.tuples(
        st.none() | st.just(float("nan")) | st.floats(-1e6, 1e6),
        st.integers(-1000, 1000),
        st.sampled_from(["a", "ä", ""]),
        st.floats(0, 4),
    ),
    max_size=12,
)


def batch(rows):
    x, n, y, w = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.record_batch(
        {
            "x": pa.array(x, pa.float64()),
            "n": pa.array(n, pa.int32()),
            "y": pa.array(y, pa.string()),
            "w": pa.array(w, pa.float64()),
        }
    )


def summary(profile, *batches):
    return profile.lift(reduce(profile.reduce, batches, profile.start()))


def assert_close(left: StateDict, right: StateDict):
    assert left.params == right.params
    assert left.arrays.keys() == right.arrays.keys()
    for name, array in left.arrays.items():
        exact = array.dtype == np.int64 or name in {"minimum", "maximum"}
        tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-9, "atol": 1e-3}
        np.testing.assert_allclose(array, right.arrays[name], **tolerance, err_msg=name)


@pytest.mark.parametrize("profile", [CLASSES, NUMBER])
class TestLaws:
    @settings(max_examples=30, deadline=None)
    @given(shards=st.lists(ROWS.map(batch), min_size=3, max_size=3))
    def test_merging_is_associative_ordered_or_not_and_equals_the_union(self, profile, shards):
        a, b, c = (summary(profile, shard) for shard in shards)
        merged = profile.merge(profile.merge(a, b), c)
        assert_close(merged, profile.merge(a, profile.merge(b, c)))
        assert_close(merged, profile.merge(c, profile.merge(b, a)))
        union = pa.Table.from_batches(shards).combine_chunks().to_batches()
        assert_close(merged, summary(profile, *union))

    @settings(max_examples=20, deadline=None)
    @given(rows=ROWS)
    def test_an_empty_shard_changes_no_bit(self, profile, rows):
        some, none = summary(profile, batch(rows)), summary(profile)
        assert profile.merge(some, none) == some == profile.merge(none, some)
        assert profile.merge(some, summary(profile, batch([]))) == some

    @settings(max_examples=20, deadline=None)
    @given(before=ROWS, after=ROWS)
    def test_a_stored_state_continues_to_the_same_bytes(self, profile, before, after):
        state = profile.reduce(profile.start(), batch(before))
        again = profile.load(from_bytes(to_bytes(profile.dump(state))))
        assert profile.reduce(again, batch(after)) == profile.reduce(state, batch(after))


def test_facts_equal_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(1e8, 1, 5000)
    x[::7] = np.nan
    table = pa.table({"x": x, "n": rng.poisson(30, 5000), "y": rng.integers(0, 3, 5000)})
    profile = Profile(FEATURES, label="y", kind="classes")
    statistics = profile.finish(summary(profile, *table.to_batches(max_chunksize=321)))
    matrix = np.column_stack([x, np.log1p(table["n"].to_numpy())])
    standard, minmax = StandardScaler().fit(matrix), MinMaxScaler().fit(matrix)
    for at, column in enumerate(statistics.columns.values()):
        assert column.mean == pytest.approx(standard.mean_[at], rel=1e-14)
        assert column.sd == pytest.approx(standard.scale_[at], rel=1e-9)
        assert column.minimum == minmax.data_min_[at]
        assert column.maximum == minmax.data_max_[at]
    assert (statistics.columns["x"].missing, statistics.columns["n"].missing) == (len(x[::7]), 0)
    assert statistics.rows == statistics.weight == 5000
    assert statistics.classes == (0, 1, 2)
    assert sum(statistics.class_counts) == 5000


def labels(*values, classes=None, kind="classes"):
    profile = Profile((), label="y", kind=kind, classes=classes)
    return profile.finish(summary(profile, pa.record_batch({"y": pa.array(values)})))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([True, False, True], (False, True)),
        ([7, -1, 7], (-1, 7)),
        ([1.0, 0.0, 1.0], (0.0, 1.0)),
        (["ä", "a", "ä"], ("a", "ä")),
    ],
)
def test_classes_are_found_in_order_and_counted(values, classes):
    statistics = labels(*values)
    assert statistics.classes == classes
    assert [type(c) for c in statistics.classes] == [type(c) for c in classes]
    assert statistics.class_counts == (1, 2)


def test_given_classes_keep_their_order_and_may_be_absent():
    statistics = labels("b", "a", classes=("c", "b", "a"))
    assert statistics.classes == ("c", "b", "a")
    assert statistics.class_counts == (0, 1, 1)
    assert labels(1.0, 0.0, classes=(0, 1)).class_counts == (1, 1)


def test_a_number_as_label_has_statistics_of_its_own():
    statistics = labels(1.0, 3.0, kind="number")
    assert statistics.classes is None
    assert (statistics.label.mean, statistics.label.sd) == (2.0, 1.0)


def test_weights_are_summed():
    rows = [(1.0, 1, "a", 0.5), (1.0, 1, "b", 2.0)]
    assert CLASSES.finish(summary(CLASSES, batch(rows))).weight == 2.5


def test_facts_survive_being_stored():
    statistics = CLASSES.finish(summary(CLASSES, batch([(1.0, 2, "a", 1.0), (None, 3, "b", 1.0)])))
    assert statistics.edges == {"x_bin": (), "n_bin": (3.0,)}
    statistics = replace(statistics, edges={})  # features are stored with their edges
    assert (
        TableStatistics.from_state_dict(from_bytes(to_bytes(statistics.to_state_dict())))
        == statistics
    )
    statistics = labels(1.0, 3.0, kind="number")
    assert (
        TableStatistics.from_state_dict(from_bytes(to_bytes(statistics.to_state_dict())))
        == statistics
    )


def test_no_rows():
    with pytest.raises(EmptyInputError, match=r"No rows.*split\.train"):
        NUMBER.finish(NUMBER.start())


def test_one_class_only():
    with pytest.raises(ContractError, match=r"one class only.*got \['a'\]"):
        labels("a", "a")


def test_unknown_classes():
    with pytest.raises(ContractError, match=r"no known class.*got \['c'\].*label\.classes"):
        labels("a", "c", classes=("a", "b"))


def test_classes_that_are_named_may_be_more():
    labels = list(range(MOST_CLASSES + 1))
    profile = Profile((), label="y", kind="classes", classes=labels)
    state = profile.reduce(profile.start(), pa.record_batch({"y": labels}))
    assert profile.finish(profile.lift(state)).classes == tuple(labels)


def test_weights_of_0_only_are_refused_with_the_columns_name():
    rows = batch([(1.0, 1, "a", 0.0), (2.0, 2, "ä", 0.0)])
    with pytest.raises(EmptyInputError, match="No row has weight: 'w' is 0 in all"):
        CLASSES.finish(summary(CLASSES, rows))
    named = Profile((Categorical("c"),), label="y", kind="classes", weight="w", classes="aä")
    assert named.known is None


def test_a_label_with_very_many_values_looks_like_a_number():
    with pytest.raises(ConfigurationError, match=r"more than 1,000 classes.*label\.kind: number"):
        labels(*range(MOST_CLASSES + 1))
    assert len(labels(*range(MOST_CLASSES)).classes) == MOST_CLASSES


def test_infinite_values_are_named():
    profile = Profile((Numeric("x"),), label="y", kind="classes")
    column = {"x": [1.0, float("inf")], "y": [0, 1]}
    seen = summary(profile, pa.record_batch(column), pa.record_batch(column))
    with pytest.raises(ContractError, match=r"'x' has infinite.*contract\.columns\.x"):
        profile.finish(seen)
