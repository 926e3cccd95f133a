"""Grouping of candidates into the lanes of a race."""

import json
from collections.abc import Sequence
from typing import Any

from petafit.features.encoder import Encoder
from petafit.learners.base import Learner
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor
from petafit.learners.registry import make_learner
from petafit.racing.candidate import Candidate, Narrowing
from petafit.racing.lanes import Lane, SideBySide, Solo

_LINEAR = (OnlineLinearClassifier, OnlineLinearRegressor)
_OF_RATES = ("learning_rate", "l1", "l2")
_MOST = 32
"""Models of a lane: their numbers of one coordinate are four cache lines."""


def lanes_for(
    candidates: Sequence[Candidate], encoder: Encoder, *, seed: int = 0
) -> tuple[Lane, ...]:
    """Make the lanes in which candidates race; they may be in another order there.

    Parameters
    ----------
    encoder : Encoder
        Encodes the rows, with the bits of the candidate that has most.

    Raises
    ------
    ConfigurationError
        A learner that is unknown, or does not fit the label.
    """
    together: dict[str, list[tuple[Candidate, OnlineLearner]]] = {}
    lanes: list[Lane] = []
    n_declared = len(encoder.features)
    for candidate in candidates:
        narrowing = Narrowing.of(encoder.space, candidate.hash_bits)
        learner = make_learner(
            candidate.learner,
            n_features=narrowing.n_features,
            statistics=encoder.statistics,
            seed=seed,
        )
        if _is_simple(learner):
            assert isinstance(learner, OnlineLearner)
            together.setdefault(_key(candidate), []).append((candidate, learner))
        else:
            lanes.append(Solo(candidate, learner, narrowing=narrowing, n_declared=n_declared))
    for pairs in together.values():
        narrowing = Narrowing.of(encoder.space, pairs[0][0].hash_bits)
        for first in range(0, len(pairs), _MOST):
            own, learners = zip(*pairs[first : first + _MOST], strict=True)
            lanes.append(SideBySide(own, learners, narrowing=narrowing, n_declared=n_declared))
    return tuple(lanes)


def shares_pass(learner: Learner[Any]) -> bool:
    """Return whether a learner can learn from the batches of a race."""
    return learner.layout == "csr" and learner.dtype == "float32"


def _is_simple(learner: Learner[Any]) -> bool:
    """Return whether a learner's steps are those of `SideBySide`."""
    if not isinstance(learner, OnlineLearner) or not isinstance(learner.estimator, _LINEAR):
        return False
    estimator = learner.estimator
    one = learner.target.n_outputs == 1
    return one and estimator.optimizer == "adagrad" and estimator.loss != "poisson"


def _key(candidate: Candidate) -> str:
    """Return what the candidates of a lane have in common."""
    shared = {k: v for k, v in candidate.learner.params.items() if k not in _OF_RATES}
    return json.dumps([candidate.learner.name, candidate.hash_bits, shared], sort_keys=True)
