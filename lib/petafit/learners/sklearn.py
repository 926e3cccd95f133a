"""Any scikit-learn class with `partial_fit` as a learner; its state is the live estimator."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from petafit.errors import ConfigurationError
from petafit.features.batch import Batch
from petafit.learners.estimator_state import decode, encode
from petafit.learners.learner import Learner, refuse_to_merge
from petafit.learners.sklearn_estimator import ask, build_estimator, teach, traits_of
from petafit.store.arrays import Named


@dataclass
class SklearnState:
    """A live estimator.

    Attributes
    ----------
    rows : int
        Rows learned from in this shard.
    model : Named or None
        What the shard began with.
    """

    estimator: Any
    rows: int = 0
    model: Named | None = None


class SklearnLearner(Learner[SklearnState]):
    """A scikit-learn class with `partial_fit`, trained on one shard.

    Parameters
    ----------
    class_name : str
        Such as ``SGDClassifier``.
    params : mapping
        See `petafit.learners.sklearn_estimator.build_estimator`.
    n_features : int
    n_classes : int or None
        None where the label is a number.
    seed : int
        Stands for every `random_state` that is not given.

    Raises
    ------
    ConfigurationError
        An unknown class, unknown or invalid parameters, or a label that does not fit.
    """

    exact = False
    mergeable = False

    def __init__(
        self,
        class_name: str,
        params: Mapping[str, Any],
        *,
        n_features: int,
        n_classes: int | None,
        seed: int = 0,
    ) -> None:
        self.template = build_estimator(class_name, params, seed=seed)
        self.traits = traits = traits_of(self.template)
        self.name, self.kind, self.output = traits.name, traits.kind, traits.output
        self.layout, self.dtype = traits.layout, traits.dtype
        self.n_features, self.n_classes = n_features, n_classes

    def start(self, model: Named | None = None) -> SklearnState:
        if model is None:
            return SklearnState(clone(self.template))
        estimator = decode(model)
        if type(estimator) is not type(self.template):
            raise ConfigurationError(
                f"{self.name} cannot go on from a model of another learner",
                got=f"sklearn.{type(estimator).__name__}",
                hint="Start without a model, or keep `learner` as it was.",
            )
        return SklearnState(estimator, model=model)

    def progressive(
        self, state: SklearnState, batch: Batch
    ) -> tuple[SklearnState, np.ndarray | None]:
        predictions = None
        if self.traits.predicts:
            with suppress(NotFittedError):
                predictions = ask(state.estimator, self.traits, batch.X)
        return self.reduce(state, batch), predictions

    def reduce(self, state: SklearnState, batch: Batch) -> SklearnState:
        rows = batch.X.shape[0]
        if not rows or (batch.weight is not None and not batch.weight.any()):
            return state
        teach(state.estimator, self.traits, batch, n_classes=self.n_classes)
        return SklearnState(state.estimator, state.rows + rows, state.model)

    def lift(self, state: SklearnState) -> Named:
        return (self.say(state) if state.rows else Named()) | _rows(state.rows)

    def merge(self, left: Named, right: Named) -> Named:
        if not right.params["rows"]:
            return left
        if not left.params["rows"]:
            return right
        rows = left.params["rows"] + right.params["rows"]
        return self.join(left, right) | _rows(rows)

    def finish(self, summary: Named, model: Named | None = None) -> Named:
        if summary.params["rows"]:
            return self.conclude(summary, model)
        return encode(clone(self.template)) if model is None else model

    def say(self, state: SklearnState) -> Named:
        """What a shard with rows has to say."""
        return encode(state.estimator).prefixed("estimator")

    def join(self, left: Named, right: Named) -> Named:
        """Two summaries, both of rows, as one."""
        raise refuse_to_merge(self.name, "2 or more")

    def conclude(self, summary: Named, model: Named | None) -> Named:
        """The model that a summary of rows stands for."""
        return summary.part("estimator")

    def predict(self, model: Named, X: Any) -> np.ndarray:
        try:
            return ask(decode(model, copy=False), self.traits, X)
        except NotFittedError as error:
            raise ConfigurationError(
                f"{self.name} has not learnt enough to predict", got=str(error).rstrip(".")
            ) from error

    def dump(self, state: SklearnState) -> Named:
        dumped = encode(state.estimator).prefixed("estimator") | _rows(state.rows)
        return dumped | state.model.prefixed("model") if state.model else dumped

    def load(self, dumped: Named) -> SklearnState:
        model = dumped.part("model")
        estimator = decode(dumped.part("estimator"))
        return SklearnState(estimator, dumped.params["rows"], model if model.params else None)


def _rows(rows: int) -> Named:
    return Named(params={"rows": rows})
