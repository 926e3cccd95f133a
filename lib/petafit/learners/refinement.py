"""Refinement after the online rounds: a Newton step by the diagonal, stacked bucket by bucket."""

import numpy as np

from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.learners import losses
from petafit.learners.learner import Learner
from petafit.learners.multipliers import MergeFit
from petafit.learners.online_estimator import Memory
from petafit.learners.online_learner import OnlineLearner
from petafit.learners.stacking import Candidates, buckets_of
from petafit.store.arrays import Named

_PRIOR = 30.0
"""Curvature that each weight has beforehand. Of 3, 30 and 100, 30 was best on clicks."""

_STEP = 0.2
"""What a step is multiplied by where nothing is known: features that go together would each take
all of it."""


def check_refinable(learner: Learner[object]) -> OnlineLearner:
    """The learner, if it can be refined.

    Raises
    ------
    ConfigurationError
        It is not one of petafit's linear learners, or its loss has no second derivative.
    """
    linear = isinstance(learner, OnlineLearner) and learner.estimator.linear == slice(None)
    if not (isinstance(learner, OnlineLearner) and linear and learner.stacks):
        raise ConfigurationError(
            f"`training.newton` cannot refine {learner.name}",
            expected="an online linear learner of petafit's, merged by stacking",
            hint="Set `training.newton: 0`, or `training.rounds` for more rounds.",
        )
    if learner.estimator.loss not in losses.SMOOTH:
        raise ConfigurationError(
            "`training.newton` needs a loss with a second derivative",
            expected=" or ".join(losses.SMOOTH),
            got=learner.estimator.loss,
            hint="Set `training.newton: 0`, or another loss.",
        )
    return learner


def refined(
    learner: OnlineLearner,
    model: Named,
    derivatives: Named,
    rows: Batch,
    *,
    previous: np.ndarray | None,
) -> tuple[Named, MergeFit]:
    """A model after one step.

    The candidates are the weights, the step ``-(g + L w) / (h + L)`` with a prior's precision L of
    30, and the last move; a multiplier of each is fitted for each bucket, as in
    `petafit.learners.stacking`.

    Parameters
    ----------
    derivatives : Named
        As `petafit.learners.full_batch.FullBatch` gives them.
    rows : Batch
        Rows that nobody learnt from.
    previous : ndarray of shape (n_features + 1, n_outputs), or None
        The weights before the last step.
    """
    weights, squares = model.arrays["weights"], model.arrays["squared_gradients"]
    step = -weights.astype(np.float64)
    index = derivatives.arrays.get("index", slice(None))
    gradient, curvature = derivatives.arrays["gradient"], derivatives.arrays["curvature"]
    step[index] = -(gradient + _PRIOR * weights[index]) / (curvature + _PRIOR)
    vectors, aim = [weights, step], [1.0, _STEP]
    if previous is not None:
        vectors, aim = [*vectors, weights - previous], [*aim, 0.0]
    candidates = Candidates(
        np.stack(vectors, axis=1, dtype=np.float32, casting="same_kind"),
        np.array(np.broadcast_to(buckets_of(squares), weights.shape)),
        np.array(aim),
    )
    fit = learner.fit_to(candidates, rows, model.arrays["seen"])
    table = learner.optimizer.table(candidates.combined(fit.multipliers), squares)
    return learner.form.write(Memory(table, model.arrays["seen"])), fit
