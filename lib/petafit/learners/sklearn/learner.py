"""Any scikit-learn class with `partial_fit` as a learner; its state is the live estimator."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoding.batch import Batch
from petafit.learners.arrays import first_not_finite
from petafit.learners.base import Learner, MergeFit, check_taken_back, rows_that_count
from petafit.learners.sklearn.classes import is_fitted, public_name
from petafit.learners.sklearn.estimator import (
    ask,
    build_estimator,
    teach,
    traits_of,
)
from petafit.learners.sklearn.merging.rule import EMPTY, NO_ROWS, Learnt
from petafit.learners.sklearn.merging.rules import rule_for
from petafit.learners.sklearn.serialization import decode, encode
from petafit.learners.sklearn.stored import check_estimator
from petafit.store.arrays import StateDict

_LOG_PROBABILITIES = frozenset({"class_log_prior_", "feature_log_prob_"})
"""Attributes of naive Bayes with log(0) for classes without rows and, at `alpha` 0, for features.
"""


@dataclass
class SklearnState:
    """A live estimator.

    Attributes
    ----------
    learnt : Learnt
        The rows learned from in this shard.
    model : StateDict or None
        The model from which the shard started.
    """

    estimator: Any
    learnt: Learnt = NO_ROWS
    model: StateDict | None = None


class SklearnLearner(Learner[SklearnState]):
    """A scikit-learn class with `partial_fit`, trained on shards.

    Parameters
    ----------
    class_name : str
        Such as ``SGDClassifier``.
    params : mapping
        See `petafit.learners.sklearn.estimator.build_estimator`.
    n_features : int or None
        None if not known yet.
    n_classes : int or None
        None if the label is a number.
    rows : int or None
        Number of training rows; None if they were not counted.
    seed : int
        Default of every `random_state`.
    merge : str
        For linear models by SGD: ``mean``, a rule of `online.merging.rules`, or ``auto``.

    Raises
    ------
    ConfigurationError
        An unknown class or merge rule, unknown or invalid parameters, or a label that does not fit.
    """

    def __init__(
        self,
        class_name: str,
        params: Mapping[str, Any],
        *,
        n_features: int | None,
        n_classes: int | None,
        rows: int | None = None,
        seed: int = 0,
        merge: str = "auto",
    ) -> None:
        self.template = build_estimator(class_name, params, seed=seed, rows=rows)
        self.traits = traits = traits_of(self.template)
        self.name, self.kind, self.output = traits.name, traits.kind, traits.output
        self.layout, self.dtype = traits.layout, traits.dtype
        self.n_features, self.n_classes = n_features, n_classes
        self.rule = rule_for(self.template, n_features=n_features, merge=merge)
        self.exact, self.stacks = self.rule.exact, self.rule.stacks
        self.subtractable = self.rule.subtractable

    def start(self, model: StateDict | None = None) -> SklearnState:
        if model is None:
            return SklearnState(clone(self.template))
        estimator = decode(model)
        if type(estimator) is not type(self.template):
            raise ConfigurationError(
                f"{self.name} cannot continue from a model of another learner",
                got=f"sklearn.{public_name(estimator)}",
                hint="Start without a model, or keep `learner` as it was.",
            )
        if not is_fitted(estimator):
            return SklearnState(estimator)
        return SklearnState(self.rule.prepared(estimator), model=model)

    def progressive(
        self, state: SklearnState, batch: Batch
    ) -> tuple[SklearnState, np.ndarray | None]:
        predictions = None
        if self.traits.predicts:
            with suppress(NotFittedError):
                predictions = ask(state.estimator, self.traits, batch.X)
        return self.reduce(state, batch), predictions

    def reduce(self, state: SklearnState, batch: Batch) -> SklearnState:
        batch = rows_that_count(batch)
        rows = batch.X.shape[0]
        if not rows:
            return state
        teach(state.estimator, self.traits, batch, n_classes=self.n_classes)
        weight = rows if batch.weight is None else float(batch.weight.sum())
        learnt = Learnt(state.learnt.rows + rows, state.learnt.weight + weight)
        return SklearnState(self.rule.learnt(state.estimator, batch), learnt, state.model)

    def lift(self, state: SklearnState) -> StateDict:
        if not state.learnt.rows:
            return EMPTY
        return self.rule.lift(state.estimator, _estimator_of(state.model), state.learnt)

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return self.rule.merge(left, right)

    def unmerge(self, total: StateDict, part: StateDict) -> StateDict:
        if not self.subtractable:
            return super().unmerge(total, part)
        check_taken_back(total, part)
        return self.rule.unmerge(total, part)

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        if summary.params["rows"]:
            return self.rule.finish(summary, _estimator_of(model))
        return encode(clone(self.template)) if model is None else model

    def stack(
        self, summary: StateDict, model: StateDict | None, rows: Batch
    ) -> tuple[StateDict, MergeFit]:
        return self.rule.stack(summary, _estimator_of(model), rows)

    def first_not_finite(self, model: StateDict) -> str | None:
        return first_not_finite(model, may_be_low=_LOG_PROBABILITIES)

    def check_form(self, model: StateDict) -> None:
        assert self.n_features is not None
        estimator = decode(model, copy=False)
        check_estimator(
            estimator, self.template, n_features=self.n_features, n_classes=self.n_classes
        )
        if self.traits.predicts and is_fitted(estimator):
            row = np.zeros((1, self.n_features), self.dtype)
            found = ask(estimator, self.traits, csr_array(row) if self.layout == "csr" else row)
            outputs = [1] if (self.n_classes or 0) <= 2 else [1, self.n_classes]
            if list(found.shape) != outputs:
                raise StorageError(
                    f"A stored model of {self.name} predicts in an unexpected form",
                    expected=outputs,
                    got=found.shape,
                )

    def predict(self, model: StateDict, X: Any) -> np.ndarray:
        try:
            return ask(decode(model, copy=False), self.traits, X)
        except NotFittedError as error:
            raise ConfigurationError(
                f"{self.name} has not learnt enough to predict", got=str(error).rstrip(".")
            ) from error

    def dump(self, state: SklearnState) -> StateDict:
        learnt = StateDict(params=state.learnt._asdict())
        dumped = encode(state.estimator).prefixed("estimator") | learnt
        return dumped | state.model.prefixed("model") if state.model else dumped

    def load(self, dumped: StateDict) -> SklearnState:
        model = dumped.part("model")
        estimator = decode(dumped.part("estimator"))
        learnt = Learnt(dumped.params["rows"], dumped.params["weight"])
        return SklearnState(estimator, learnt, model if model.params else None)


def _estimator_of(model: StateDict | None) -> Any | None:
    """Load the estimator of a model that has seen rows; it must not be fitted further."""
    estimator = None if model is None else decode(model, copy=False)
    return estimator if estimator is not None and is_fitted(estimator) else None
