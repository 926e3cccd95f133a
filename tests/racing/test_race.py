"""Races give each candidate what it would get alone, whatever the shards and interruptions."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from petafit.config.settings import LearnerChoice
from petafit.evaluation.classification import ClassificationMetrics
from petafit.features.encoding.batch import Batch
from petafit.learners.base import Learner
from petafit.learners.registry import make_learner
from petafit.racing.candidate import Candidate
from petafit.racing.grouping import lanes_for
from petafit.racing.lanes import SideBySide
from petafit.racing.race import Race, RaceResult
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.racing.rows import GROUPS, batches, candidate, encoder

RATES = (
    candidate("slow", learning_rate=0.01),
    candidate("usual"),
    candidate("ridge", l2=1e-3),
    candidate("sparse", learning_rate=0.3, l1=1e-3, l2=1e-4),
)


def race_of(*candidates: Candidate, weighted: bool = False) -> Race:
    metrics = ClassificationMetrics(2, "probability")
    return Race(lanes_for(candidates, encoder(weighted=weighted)), metrics)


def run(race: Race, rows: list[Batch]) -> RaceResult:
    state = race.start()
    for batch in rows:
        state = race.reduce(state, batch)
    return race.finish(race.lift(state))


def encoded(*, weighted: bool = False) -> list[Batch]:
    return [encoder(weighted=weighted)(batch) for batch in batches()]


def alone(choice: LearnerChoice, rows: list[Batch], n_features: int) -> StateDict:
    known = encoder().statistics
    learner: Learner[Any] = make_learner(choice, n_features=n_features, statistics=known)
    state = learner.start()
    for batch in rows:
        state = learner.reduce(state, batch)
    return learner.finish(learner.lift(state))


@pytest.mark.parametrize("weighted", [False, True])
def test_each_candidate_learns_what_it_would_learn_alone(weighted: bool) -> None:
    rows, race = encoded(weighted=weighted), race_of(*RATES, weighted=weighted)
    assert [type(lane) for lane in race.lanes] == [SideBySide]
    models = run(race, rows).models
    for number, each in enumerate(race.candidates):
        expected = alone(each.learner, rows, encoder().n_features)
        found = models.part(str(number))
        assert found.arrays.keys() == expected.arrays.keys()
        for name, array in expected.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array)


def test_balanced_classes_race_as_they_learn() -> None:
    rows, race = (
        encoded(),
        race_of(*(replace_params(each, class_weight="balanced") for each in RATES)),
    )
    models = run(race, rows).models
    for number, each in enumerate(race.candidates):
        expected = alone(each.learner, rows, encoder().n_features)
        np.testing.assert_array_equal(
            models.part(str(number)).arrays["weights"], expected.arrays["weights"]
        )


def replace_params(each: Candidate, **params: Any) -> Candidate:
    choice = each.learner.model_copy(update={"params": {**each.learner.params, **params}})
    return replace(each, learner=choice)


def test_a_candidate_without_a_group_learns_as_if_it_were_not_declared() -> None:
    features = encoder().features
    left_out = frozenset(at for at, f in enumerate(features) if f.name in ("speed", "city×kind"))
    assert len(left_out) == 2
    race = race_of(candidate("all"), candidate("less", without=left_out))
    less = run(race, encoded()).models.part("1").arrays["weights"]
    kept = [f for at, f in enumerate(features) if at not in left_out]
    own = encoder(tracing=False)
    narrow = type(own)(tuple(kept), own.statistics, hash_bits=10, label="bought")
    rows = [narrow(batch) for batch in batches()]
    expected = alone(RATES[1].learner, rows, narrow.n_features).arrays["weights"]
    np.testing.assert_array_equal(less[:1024], expected[:1024])
    np.testing.assert_array_equal(less[1025:], expected[1024:])  # `speed` is the first number
    assert not less[1024].any()


def test_a_candidate_with_fewer_bits_learns_as_if_rows_had_been_encoded_with_them() -> None:
    groups = GROUPS[:3]  # n-grams of one text may collide: see Narrowing
    wide, narrow = encoder(groups=groups), encoder(6, groups=groups)
    each = candidate("narrow", bits=6, l2=1e-3)
    race = Race(lanes_for([each], wide), ClassificationMetrics(2, "probability"))
    found = run(race, [wide(batch) for batch in batches()]).models.part("0").arrays["weights"]
    rows = [narrow(batch) for batch in batches()]
    expected = alone(each.learner, rows, narrow.n_features).arrays["weights"]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("petafit.OnlineLinearClassifier", {"optimizer": "ftrl", "learning_rate": 0.1}),
        ("petafit.FactorizationMachineClassifier", {"learning_rate": 0.1}),
        ("sklearn.SGDClassifier", {"loss": "log_loss"}),
    ],
)
def test_other_learners_share_the_pass(name: str, params: dict[str, Any]) -> None:
    choice = LearnerChoice(name=name, params=params)
    race, rows = race_of(candidate("linear"), Candidate("other", choice, 10)), encoded()
    at = [each.name for each in race.candidates].index("other")
    result = run(race, rows)
    expected = alone(choice, rows, encoder().n_features)
    assert result.models.part(str(at)) == expected
    assert 0 < result.losses.means()[at] < 5


def test_losses_are_those_of_predictions_made_before_learning() -> None:
    race, rows = race_of(*RATES), encoded()
    result, metrics = run(race, rows), race.metrics
    choice = race.candidates[0].learner
    known = encoder().statistics
    learner: Learner[Any] = make_learner(choice, n_features=encoder().n_features, statistics=known)
    state, total = learner.start(), 0.0
    for batch in rows:
        state, found = learner.progressive(state, batch)
        of_truth = np.where(batch.y == 1, found, 1 - found)
        total -= np.log(of_truth).sum()
    assert result.losses.rows == 4000
    assert result.losses.means()[0] == pytest.approx(total / 4000, rel=1e-9)
    assert metrics.loss_name == "log_loss"


def test_a_candidate_that_fails_is_told_and_harms_no_other() -> None:
    wild = candidate("wild", learning_rate=3e38)
    with_wild, rows = race_of(wild, *RATES), encoded()
    result, without = run(with_wild, rows), run(race_of(*RATES), rows)
    assert list(result.failed) == ["wild"]
    assert "too long" in result.failed["wild"]
    np.testing.assert_allclose(result.losses.means()[1:], without.losses.means(), rtol=1e-12)
    assert result.models.part("2") == without.models.part("1")


def test_a_race_goes_on_from_its_checkpoint_to_the_byte() -> None:
    race, rows = (
        race_of(
            *RATES,
            Candidate(
                "sgd", LearnerChoice(name="sklearn.SGDClassifier", params={"loss": "log_loss"}), 10
            ),
        ),
        encoded(),
    )
    state, again = race.start(), race.start()
    for batch in rows:
        state = race.reduce(state, batch)
        dumped = to_bytes(race.dump(race.reduce(again, batch)))
        again = race.load(from_bytes(dumped))
    assert to_bytes(race.lift(again)) == to_bytes(race.lift(state))


def test_shards_merge_as_those_of_the_learner() -> None:
    race, rows = race_of(*RATES), encoded()
    parts = []
    for own in (rows[:4], rows[4:]):
        state = race.start()
        for batch in own:
            state = race.reduce(state, batch)
        parts.append(race.lift(state))
    merged = race.finish(race.merge(*parts))
    learner = race.lanes[0].learner(1)
    lifted = []
    for own in (rows[:4], rows[4:]):
        state = learner.start()
        for batch in own:
            state = learner.reduce(state, batch)
        lifted.append(learner.lift(state))
    expected = learner.finish(learner.merge(*lifted))
    np.testing.assert_array_equal(
        merged.models.part("1").arrays["weights"], expected.arrays["weights"]
    )
    assert merged.losses.rows == 4000
