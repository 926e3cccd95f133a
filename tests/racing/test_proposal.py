"""The candidates that a search proposes."""

import pytest

from petafit.config.searching import Searching, budget_of
from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.racing.proposal import Removal, propose

OWN = LearnerChoice(params={"learning_rate": 0.2})
OTHER = LearnerChoice(name="petafit.FactorizationMachineClassifier", params={"learning_rate": 0.1})


def test_rates_and_penalties_are_combined_and_other_changes_come_one_at_a_time() -> None:
    asked = Searching(rates=(0.5, 1), l2=(0, 1e-3), hash_bits=(10, 12))
    removal = Removal("numeric speed", frozenset({0}), [{"categorical": ["city"]}])
    found = propose(asked, [OWN, OTHER], hash_bits=12, removals=[removal])
    assert [each.name for each in found] == [
        "as it is",
        "rate x 0.5",
        "rate x 0.5, l2 0.001",
        "l2 0.001",
        "hash_bits 10",
        "without numeric speed",
        "FactorizationMachineClassifier, rate x 0.5",
        "FactorizationMachineClassifier",
    ]
    params = [each.learner.params for each in found]
    assert params[2] == {"learning_rate": 0.1, "l2": 0.001}
    assert params[6] == {"learning_rate": 0.05}
    assert [each.hash_bits for each in found] == [12, 12, 12, 12, 10, 12, 12, 12]
    assert found[5].without == {0}
    assert found[5].changes["features"] == [{"categorical": ["city"]}]


def test_too_many_candidates_are_refused() -> None:
    rates = tuple(float(number) for number in range(1, 100))
    with pytest.raises(ConfigurationError, match="too many candidates"):
        propose(Searching(rates=rates), [OWN], hash_bits=12)


def test_a_single_candidate_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="nothing to compare"):
        propose(Searching(rates=(1,), l2=(0,)), [OWN], hash_bits=12)


@pytest.mark.parametrize("text", ["soon", "10", "2 passes", "0m", "-1 pass", "5 GB"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"budget|pass|time"):
        budget_of(text)
    with pytest.raises(ValueError, match=r"budget|pass|time"):
        Searching(budget=text)
