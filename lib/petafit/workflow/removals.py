"""The groups of features, and the crosses, that a task can do without."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from petafit.config.feature_groups import CrossFeatures, FeatureGroup, StageFeatures
from petafit.errors import PetafitError
from petafit.features.completion import completed
from petafit.features.encoder import Encoder
from petafit.racing.proposal import Removal
from petafit.table.snapshot import Snapshot
from petafit.workflow.task import Task

log = logging.getLogger("petafit")


def removals_of(task: Task, snapshot: Snapshot, encoder: Encoder) -> list[Removal]:
    """Return what can be left out, one at a time, of what a task declares.

    Positions are those of the encoder's features, which are completed by the table's statistics.

    None of features that are chosen automatically, or made by stages; nor a group without which
    others are no longer the same features, such as categories that a cross names.
    """
    declared = task.settings.features
    if declared == "auto" or any(isinstance(each, StageFeatures) for each in declared):
        return []
    found = []
    for name, rest in _less_one(declared):
        settings = task.settings.model_copy(update={"features": tuple(rest)})
        try:
            kept = Task.of(settings, snapshot, task.derived).features
        except PetafitError as error:
            log.info("no candidate without %s: %s", name, error)
            continue
        kept = completed(kept, encoder.statistics)
        if not set(kept) < set(encoder.features):
            log.info("no candidate without %s: other features would change", name)
            continue
        left_out = frozenset(at for at, each in enumerate(encoder.features) if each not in kept)
        found.append(Removal(name, left_out, [_plain(group) for group in rest]))
    return found


def _less_one(declared: Sequence[FeatureGroup]) -> Iterator[tuple[str, list[FeatureGroup]]]:
    """Yield what is left out, and the rest."""
    for at, group in enumerate(declared):
        others = [*declared[:at], *declared[at + 1 :]]
        if not isinstance(group, CrossFeatures):
            if others:
                yield _title(group), others
            continue
        for cross in group.cross:
            rest = tuple(each for each in group.cross if each != cross)
            own = [group.model_copy(update={"cross": rest})] if rest else []
            if others or own:
                yield f"cross {' x '.join(cross)}", [*declared[:at], *own, *declared[at + 1 :]]


def _title(group: FeatureGroup) -> str:
    (kind, names), *_ = group.model_dump().items()
    listed = [names] if isinstance(names, str) else list(names)
    return f"{kind} {', '.join(map(str, listed[:3]))}{', ...' if len(listed) > 3 else ''}"


def _plain(group: FeatureGroup) -> Any:
    return group.model_dump(mode="json", exclude_defaults=True)
