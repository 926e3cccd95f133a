"""The contract that every incremental learner keeps; where one cannot, the exemption says why."""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.learners.learner import Learner
from petafit.learners.online_learner import OnlineLearner
from petafit.learners.registry import describe, learner_names
from petafit.learners.sklearn_classes import INCREMENTAL
from petafit.store.arrays import Named, from_bytes, to_bytes
from tests.learners.cases import CASES, Case

# scikit-learn 1.8 deprecated these two; they are learners as long as it has them.
pytestmark = pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")

EXEMPT: Mapping[str, str] = {
    "sklearn.HashingVectorizer": "takes text, and learns nothing",
}


def cases(**wanted: Sequence[object]) -> pytest.MarkDecorator:
    """All cases whose learner's attributes are among these."""
    kept = [c for c in CASES if all(getattr(c.learner, k) in v for k, v in wanted.items())]
    return pytest.mark.parametrize("case", kept, ids=str)


def data(examples: int = 2) -> Any:
    """Hypothesis draws what the data are drawn from."""

    def decorate(test: Any) -> Any:
        drawn = given(seed=st.integers(0, 2**32 - 1))(test)
        return settings(max_examples=examples, deadline=None)(drawn)

    return decorate


def learned(learner: Learner[Any], batches: Iterable[Batch], model: Named | None = None) -> Any:
    return fold(learner.reduce, batches, learner.start(model))


def summary(learner: Learner[Any], batches: Iterable[Batch], model: Named | None = None) -> Named:
    return learner.lift(learned(learner, batches, model))


def model_of(learner: Learner[Any], batches: Iterable[Batch]) -> Named:
    return learner.finish(summary(learner, batches))


def of_class(batch: Batch, wanted: int) -> Batch:
    chosen = batch.y == wanted
    return Batch(batch.X[chosen], batch.y[chosen])


def assert_close(left: Named, right: Named, tolerance: float) -> None:
    assert left.arrays.keys() == right.arrays.keys()
    for name, array in left.arrays.items():
        np.testing.assert_allclose(array, right.arrays[name], rtol=tolerance, atol=1e-12)


def test_every_learner_is_tested_or_exempt() -> None:
    own = {name for name in learner_names() if name.startswith("petafit.")}
    known = own | {f"sklearn.{name}" for name in INCREMENTAL}
    assert {case.name for case in CASES} | EXEMPT.keys() == known


@cases()
@data()
def test_a_dumped_state_goes_on_to_the_byte(case: Case, seed: int) -> None:
    learner, (*first, last) = case.learner, case.batches(seed, count=3)
    state = learned(learner, first)
    dumped = learner.dump(state)
    content = to_bytes(dumped)
    restored = learner.load(from_bytes(content))
    expected = to_bytes(learner.dump(learner.reduce(state, last)))
    assert to_bytes(dumped) == content, "the dump is a copy"
    assert to_bytes(learner.dump(learner.reduce(restored, last))) == expected
    assert to_bytes(learner.dump(learner.reduce(learner.load(dumped), last))) == expected
    assert to_bytes(dumped) == content, "what was loaded is a copy"


@cases()
@data(1)
def test_the_same_batches_give_the_same_bytes(case: Case, seed: int) -> None:
    batches = case.batches(seed, count=2)
    assert model_of(case.learner, batches) == model_of(case.learner, batches)


@cases()
@data()
def test_one_shard_is_sequential_learning(case: Case, seed: int) -> None:
    """A second round over one shard goes on from the first as if it had never ended."""
    learner, (*first, last) = case.learner, case.batches(seed, count=3)
    model = model_of(learner, first)
    content = to_bytes(model)
    again = learner.finish(summary(learner, [last], model), model)
    assert to_bytes(model) == content, "a start leaves the model alone"
    assert again == model_of(learner, [*first, last])


@cases()
@data()
def test_an_empty_shard_changes_nothing(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=2)
    model = model_of(learner, batches[:1])
    for start in (None, model):
        full, empty = summary(learner, batches, start), summary(learner, [], start)
        expected = learner.finish(full, start)
        assert learner.finish(learner.merge(full, empty), start) == expected
        assert learner.finish(learner.merge(empty, full), start) == expected
        unmoved = learner.finish(learner.merge(empty, empty), start)
        assert unmoved == (start or learner.finish(empty))


@cases()
@data(1)
def test_rows_without_weight_leave_no_trace(case: Case, seed: int) -> None:
    learner, (first, second) = case.learner, case.batches(seed, count=2)
    weightless = Batch(second.X, second.y, np.zeros(second.X.shape[0]))
    state = learned(learner, [first])
    before = to_bytes(learner.dump(state))
    after = learner.dump(learner.reduce(state, weightless))
    assert to_bytes(Named(after.arrays)) == to_bytes(Named(from_bytes(before).arrays))


@cases()
@data(1)
def test_progressive_predictions_come_before_the_update(case: Case, seed: int) -> None:
    learner, (*first, last) = case.learner, case.batches(seed, count=3)
    state, predictions = learner.progressive(learned(learner, first), last)
    assert learner.finish(learner.lift(state)) == model_of(learner, [*first, last])
    if predictions is None:
        with pytest.raises(ConfigurationError, match="does not predict"):
            learner.predict(model_of(learner, first), last.X)
    else:
        expected = learner.predict(model_of(learner, first), last.X)
        before_all = 1 if isinstance(learner, OnlineLearner) else None  # it learns row by row
        np.testing.assert_array_equal(predictions[:before_all], expected[:before_all])


@cases(kind=["classifier", "regressor"])
@data(1)
def test_predictions_keep_the_convention(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=2)
    predictions = learner.predict(model_of(learner, batches), batches[0].X)
    rows = batches[0].X.shape[0]
    several = (case.n_classes or 0) > 2
    assert predictions.shape == ((rows, case.n_classes) if several else (rows,))
    assert predictions.dtype == np.float64
    if learner.output == "probability":
        assert ((predictions >= 0) & (predictions <= 1)).all()
        if several:
            np.testing.assert_allclose(predictions.sum(axis=1), 1)


@cases(kind=["classifier"])
@data(1)
def test_rows_may_lack_a_class(case: Case, seed: int) -> None:
    learner, (batch,) = case.learner, case.batches(seed, count=1)
    state, _ = learner.progressive(learner.start(), of_class(batch, 0))
    state, predictions = learner.progressive(state, of_class(batch, 1))
    assert predictions is None or not np.isnan(predictions).any()


@cases(kind=["classifier"], mergeable=[True])
@data(1)
def test_shards_may_lack_a_class(case: Case, seed: int) -> None:
    learner, (batch,) = case.learner, case.batches(seed, count=1)
    shards = [summary(learner, [of_class(batch, k)]) for k in range(case.n_classes or 0)]
    predictions = learner.predict(learner.finish(fold(learner.merge, shards)), batch.X)
    assert not np.isnan(predictions).any()


@cases(mergeable=[True])
@data()
def test_merge_is_associative(case: Case, seed: int) -> None:
    learner = case.learner
    a, b, c = (summary(learner, [batch]) for batch in case.batches(seed, count=3))
    left = learner.finish(learner.merge(learner.merge(a, b), c))
    right = learner.finish(learner.merge(a, learner.merge(b, c)))
    assert_close(left, right, 1e-6 if learner.dtype == "float32" and not learner.exact else 1e-9)


@cases(exact=[True])
@data()
def test_exact_shards_equal_their_union(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=4)
    model = model_of(learner, batches[:1])
    for start in (None, model):
        union = learner.finish(summary(learner, batches, start), start)
        for order in (batches, batches[::-1]):
            shards = [summary(learner, [batch], start) for batch in order]
            assert_close(learner.finish(fold(learner.merge, shards), start), union, 1e-9)


@cases(mergeable=[False])
@data(1)
def test_what_cannot_merge_says_so(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=2)
    shards = [summary(learner, [batch]) for batch in batches]
    with pytest.raises(ConfigurationError, match=r"training\.shards"):
        learner.merge(*shards)
    info = describe(case.choice)
    with pytest.raises(ConfigurationError, match=r"training\.shards"):
        info.check_shards(2)
    info.check_shards(1)


@cases()
def test_learners_travel_to_workers(case: Case) -> None:
    learner, batches = case.learner, case.batches(0, count=1)
    travelled = pickle.loads(pickle.dumps(learner))
    assert model_of(travelled, batches) == model_of(learner, batches)
