"""Telling which settings of a training do nothing, so that nobody believes they do."""

import logging

from petafit.config.settings import Training

log = logging.getLogger("petafit")

_OF_STACKING = ("merge_holdout", "parts")
_OF_ROUNDS = ("rounds", "merge", *_OF_STACKING, "patience", "cache")


def tell_unused_by_spark(training: Training, learner: str) -> None:
    """Name what was set for rounds, which a learner of MLlib does not have."""
    _tell(training, _OF_ROUNDS, f"Spark itself fits {learner}")


def tell_unused_by_exact(training: Training, learner: str) -> None:
    """Name what was set for merging, of which an exact learner leaves no choice."""
    _tell(training, ("merge", *_OF_STACKING), f"shards of {learner} merge exactly")


def tell_unused_without_stacking(training: Training, learner: str) -> None:
    """Name what was set for stacked merging, where shards merge otherwise."""
    _tell(training, _OF_STACKING, f"shards of {learner} are not merged by stacking here")


def _tell(training: Training, names: tuple[str, ...], why: str) -> None:
    unused = [f"training.{name}" for name in names if name in training.model_fields_set]
    if unused:
        log.info("no effect: %s; %s", ", ".join(unused), why)
