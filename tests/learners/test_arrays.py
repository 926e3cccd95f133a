"""No model with a number that is not finite is used, whoever made it."""

import numpy as np
import pytest

from petafit.errors import ConfigurationError
from petafit.learners.arrays import finite_rows, first_not_finite
from petafit.learners.online.linear.estimators import OnlineLinearClassifier
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.learners.cases import CASES
from tests.learners.fitting import model_of

pytestmark = pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_models_of_good_rows_are_finite_and_have_their_form(case):
    learner = case.learner
    model = model_of(learner, case.batches(0, count=3))
    assert learner.first_not_finite(model) is None
    learner.check(from_bytes(to_bytes(model)))
    learner.check(model_of(learner, []))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_array_that_is_not_finite_is_named(value):
    model = StateDict({"ids": np.arange(3), "weights": np.ones(3), "seen": np.array([1.0, value])})
    assert first_not_finite(model) == "seen"


def test_a_logarithm_of_0_has_a_meaning_and_other_infinities_have_none():
    may = frozenset({"class_log_prior_"})
    model = StateDict({"0.class_log_prior_": np.array([-np.inf, 0.0])})
    assert first_not_finite(model, may_be_low=may) is None
    assert first_not_finite(model) == "0.class_log_prior_"
    above = StateDict({"0.class_log_prior_": np.array([np.inf, 0.0])})
    assert first_not_finite(above, may_be_low=may) == "0.class_log_prior_"


def test_a_row_of_several_numbers_needs_all_of_them():
    assert finite_rows(np.array([[0.5, 0.5], [np.nan, 1.0]])).tolist() == [True, False]
    assert finite_rows(np.array([np.inf, 1.0])).tolist() == [False, True]


def test_fit_refuses_weights_that_its_last_step_has_spoilt():
    """The margins of this pass, made before, are all finite."""
    X = np.zeros((4, 1), np.float32)
    X[-1] = 3e38
    estimator = OnlineLinearClassifier(
        max_iter=1, shuffle=False, learning_rate=3e38, power_t=0, optimizer="sgd"
    )
    with pytest.raises(ConfigurationError, match="diverged: its weights are no longer finite"):
        estimator.fit(X, [0, 1, 0, 1])
