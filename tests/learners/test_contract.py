"""The contract of incremental learners; an exemption has its reason beside it."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce as fold
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.registry import learner_names
from petafit.learners.sklearn.classes import INCREMENTAL
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.learners.cases import CASES, Case
from tests.learners.fitting import (
    assert_close,
    learned,
    merged,
    model_of,
    of_class,
    summary,
)

# scikit-learn 1.8 deprecated these two; they are learners as long as it has them.
pytestmark = pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")

EXEMPT: Mapping[str, str] = {
    "sklearn.HashingVectorizer": "takes text, and learns nothing",
}


BITWISE: Mapping[str, tuple[float, float]] = {
    "sklearn.MaxAbsScaler": (0.0, 0.0),
    "sklearn.MinMaxScaler": (0.0, 0.0),
}
"""Tolerances of learners whose shards merge to the bit."""


def cases(**wanted: Sequence[object]) -> pytest.MarkDecorator:
    """All cases whose learner's attributes are among these."""
    kept = [c for c in CASES if all(getattr(c.learner, k) in v for k, v in wanted.items())]
    return pytest.mark.parametrize("case", kept, ids=str)


def data(test: Any) -> Any:
    """Hypothesis draws what the data are drawn from; once, for there are a hundred learners."""
    drawn = given(seed=st.integers(0, 2**32 - 1))(test)
    return settings(max_examples=1, deadline=None)(drawn)


def test_every_learner_is_tested_or_exempt() -> None:
    own = {name for name in learner_names() if name.startswith("petafit.")}
    known = own | {f"sklearn.{name}" for name in INCREMENTAL}
    assert {case.name for case in CASES} | EXEMPT.keys() == known


@cases()
@data
def test_a_stored_state_continues_to_the_same_bytes(case: Case, seed: int) -> None:
    learner, (first, middle, last) = case.learner, case.batches(seed, count=3)
    for start in (None, model_of(learner, [first])):
        state = learned(learner, [first, middle], start)
        dumped = learner.dump(state)
        content = to_bytes(dumped)
        restored = learner.load(from_bytes(content))
        state = learner.reduce(state, last)
        expected, lifted = to_bytes(learner.dump(state)), learner.lift(state)
        assert to_bytes(dumped) == content, "the dump is a copy"
        restored = learner.reduce(restored, last)
        assert to_bytes(learner.dump(restored)) == expected
        assert learner.lift(restored) == lifted
        assert to_bytes(learner.dump(learner.reduce(learner.load(dumped), last))) == expected
        assert to_bytes(dumped) == content, "what was loaded is a copy"


@cases()
@data
def test_the_same_batches_give_the_same_bytes(case: Case, seed: int) -> None:
    batches, another = case.batches(seed, count=2), replace(case)
    assert another.learner is not case.learner
    assert model_of(case.learner, batches) == model_of(another.learner, batches)


@cases()
@data
def test_one_shard_is_sequential_learning(case: Case, seed: int) -> None:
    """A second round over one shard continues the first."""
    learner, (*first, last) = case.learner, case.batches(seed, count=3)
    model = model_of(learner, first)
    content = to_bytes(model)
    again = learner.finish(summary(learner, [last], model), model)
    assert to_bytes(model) == content, "a start leaves the model alone"
    union = model_of(learner, [*first, last])
    if learner.name == "petafit.Ridge":  # rounds the means of a model once more
        assert_close(again, union, 1e-12)
    else:
        assert again == union


@cases()
@data
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
    nothing = model_of(learner, [])
    begun = learner.finish(summary(learner, batches, nothing), nothing)
    assert begun == model_of(learner, batches), "a model of no rows is as good as none"


@cases()
@data
def test_rows_without_weight_leave_no_trace(case: Case, seed: int) -> None:
    learner, (first, second) = case.learner, case.batches(seed, count=2)
    weightless = Batch(second.X, second.y, np.zeros(second.X.shape[0]))
    state = learned(learner, [first])
    before = to_bytes(learner.dump(state))
    after = learner.dump(learner.reduce(state, weightless))
    assert to_bytes(StateDict(after.arrays)) == to_bytes(StateDict(from_bytes(before).arrays))


@cases()
@data
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
@data
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
@data
def test_rows_may_lack_a_class(case: Case, seed: int) -> None:
    learner, (batch,) = case.learner, case.batches(seed, count=1)
    state, _ = learner.progressive(learner.start(), of_class(batch, 0))
    state, predictions = learner.progressive(state, of_class(batch, 1))
    assert predictions is None or not np.isnan(predictions).any()


@cases(kind=["classifier"])
@data
def test_shards_may_lack_a_class(case: Case, seed: int) -> None:
    learner, (batch,) = case.learner, case.batches(seed, count=1)
    model = merged(learner, [of_class(batch, k) for k in range(case.n_classes or 0)])
    predictions = learner.predict(model, batch.X)
    assert not np.isnan(predictions).any()
    if learner.exact:
        np.testing.assert_allclose(
            predictions, learner.predict(model_of(learner, [batch]), batch.X), rtol=1e-9
        )


@cases()
@data
def test_merge_is_associative(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=3)
    (a, b, c), (d, e, f) = ([summary(learner, [batch]) for batch in batches] for _ in range(2))
    left = learner.finish(learner.merge(learner.merge(a, b), c))
    right = learner.finish(learner.merge(d, learner.merge(e, f)))
    assert_close(left, right, 1e-6 if learner.dtype == "float32" and not learner.exact else 1e-9)


@cases(exact=[True])
@given(seed=st.integers(0, 2**32 - 1), places=st.permutations([0, 0, 1, 2, 2, 4]))
@settings(max_examples=2, deadline=None)
def test_exact_shards_equal_their_union(case: Case, seed: int, places: list[int]) -> None:
    """Five shards, one of them empty, in any order; weighted, and of either precision."""
    learner = case.learner
    for weighted, dtype in ((False, "float32"), (case.weighted, "float64")):
        *before, first, second = case.batches(seed, count=8, weighted=weighted, dtype=dtype)
        for start in (None, merged(learner, [first, second])):
            shards = [
                [b for b, at in zip(before, places, strict=True) if at == k] for k in range(5)
            ]
            parts = [summary(learner, shard, start) for shard in shards]
            found = learner.finish(fold(learner.merge, parts), start)
            union = learner.finish(summary(learner, before, start), start)
            assert_close(found, union, *BITWISE.get(case.name, (1e-9,)))


@cases()
@data
def test_a_second_round_starts_from_the_merged_model(case: Case, seed: int) -> None:
    learner, batches = case.learner, case.batches(seed, count=4)
    first = merged(learner, batches[:2])
    content = to_bytes(first)
    second = merged(learner, batches[2:], first)
    assert to_bytes(first) == content, "a round leaves the model it begins with alone"
    assert second != first
    if learner.kind != "other":
        assert not np.isnan(learner.predict(second, batches[0].X)).any()


@cases(subtractable=[True])
@data
def test_a_merged_shard_can_be_removed(case: Case, seed: int) -> None:
    """Taking out cancels digits: nothing is closer than 1e-11 of the sums, which are about 100."""
    learner = case.learner
    tolerance = 1e-9 if learner.exact else 1e-6
    for weighted in {False, case.weighted}:
        first, *batches = case.batches(seed, count=4, weighted=weighted)
        for start in (None, model_of(learner, [first])):
            a, b, c = (summary(learner, [batch], start) for batch in batches)
            total = fold(learner.merge, (summary(learner, [batch], start) for batch in batches))
            rest = learner.unmerge(learner.unmerge(total, c), b)
            assert_close(learner.finish(rest, start), learner.finish(a, start), tolerance, 1e-11)
            rest = learner.unmerge(total, a)
            union = learner.finish(learner.merge(b, c), start)
            assert_close(learner.finish(rest, start), union, tolerance, 1e-11)
            empty = summary(learner, [], start)
            assert learner.unmerge(total, empty) == total
            nothing = learner.finish(learner.unmerge(total, total), start)
            assert nothing == learner.finish(empty, start)
            with pytest.raises(ConfigurationError, match="at most"):
                learner.unmerge(a, total)


@cases(subtractable=[False])
def test_learners_without_unmerge_name_those_with_it(case: Case) -> None:
    learner, batches = case.learner, case.batches(0, count=2)
    a, b = (summary(learner, [batch]) for batch in batches)
    with pytest.raises(ConfigurationError, match=r"petafit\.Ridge"):
        learner.unmerge(learner.merge(a, b), b)


@cases()
def test_learners_travel_to_workers(case: Case) -> None:
    learner, batches = case.learner, case.batches(0, count=1)
    travelled = pickle.loads(pickle.dumps(learner))
    assert model_of(travelled, batches) == model_of(learner, batches)
