"""The schedule of merges: the parts of the first round, and the size of the merge holdout."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from petafit.config.settings import Training
from petafit.errors import ConfigurationError
from petafit.features.instances import MergeHoldout
from petafit.learners.base import Learner
from petafit.learners.online.newton.step import check_refinable
from petafit.stream.batches import Source
from petafit.stream.direct import DirectSource

log = logging.getLogger("petafit")

_MOST_PARTS = 8
_NEWEST = 0.25
"""The share of a part from which rows are held out: its end."""

_LARGEST_SHARE = 0.2
"""Of these rows."""

_OF_STACKING = ("merge_holdout", "parts")


@dataclass(frozen=True)
class Schedule:
    """The parts of a first round, each of two pieces; of the second, rows are held out.

    Attributes
    ----------
    cuts : tuple of float
        Bounds of the pieces of every shard, as shares of its batches, from 0 to 1.
    shares : tuple of float
        Of the rows of each piece, to be held out.
    parts : tuple of range
        The pieces of each part.
    """

    cuts: tuple[float, ...] = (0.0, 1.0)
    shares: tuple[float, ...] = (0.0,)
    parts: tuple[range, ...] = (range(1),)

    @classmethod
    def of(
        cls, training: Training, *, shards: int, rows: int | None, validated: bool = False
    ) -> Self:
        """The schedule of shards that are merged by stacking, or of one that is refined.

        Parts double in size: the first models differ most, and so do merge soonest. The more
        shards, the less each of them learns between two merges, and the more parts it takes: on
        clicks 8 shards took 2, 64 took 4 and 256 took 5, and more brought nothing.

        Rows are held out in the last quarter of each part. Tables are read in the order of time,
        so that these are the newest rows: where the world changes, a merge fitted to older ones is
        worse than none. On clicks, 64 shards, a quarter gave a log-loss that was .0003 lower than
        a half did.

        Parameters
        ----------
        rows : int or None
            About how many there are.
        validated : bool
            There are validation rows: what is refined needs none held out to judge it.
        """
        if shards == 1 and (validated or not training.newton):
            return cls()
        number = 1
        if shards > 1:
            number = training.parts or _parts(shards, rows, training.batch_rows)
        cuts, shares = [0.0], []
        for begin, end in pairwise(geometric(number)):
            newest = _NEWEST * (end - begin)
            cuts += [end - newest, end]
            wanted = training.merge_holdout / (rows * newest) if rows else 1.0
            shares += [0.0, min(wanted, _LARGEST_SHARE)]
        pieces = tuple(range(2 * part, 2 * part + 2) for part in range(number))
        return cls(tuple(cuts), tuple(shares), pieces)

    def cut(self, source: Source) -> tuple[Source, list[Source]]:
        """All rows of a source, and those of each part; only `DirectSource` can be cut."""
        if not isinstance(source, DirectSource):
            return source, [source]
        whole = source.cut(self.cuts)
        return whole, [whole.only(pieces) for pieces in self.parts]

    def merge_holdout(self, seed: int) -> MergeHoldout | None:
        """The selection of the holdout rows; None if there are none."""
        return MergeHoldout(self.shares, seed) if any(self.shares) else None


def schedule_for(
    training: Training,
    learner: Learner[Any],
    source: Source,
    rows: int | None,
    *,
    validated: bool,
) -> Schedule:
    """The schedule that suits a learner and a source; settings that do nothing there are named.

    Raises
    ------
    ConfigurationError
        Refinement is wanted, and the learner cannot have it, or nothing would judge it.
    """
    if training.newton:
        check_refinable(learner)
    schedule = Schedule()
    if learner.stacks and isinstance(source, DirectSource):
        schedule = Schedule.of(training, shards=source.shards, rows=rows, validated=validated)
    elif learner.stacks:
        log.info("no rows are held out: Spark's scan deals them anew in every round")
    if learner.exact:
        why = f"shards of {learner.name} merge exactly"
        log_unused(training, ("merge", *_OF_STACKING), why)
    elif schedule == Schedule():
        why = f"shards of {learner.name} are not merged by stacking here"
        log_unused(training, _OF_STACKING, why)
    if training.newton and not validated and schedule.merge_holdout(training.seed) is None:
        raise ConfigurationError(
            "`training.newton` needs rows to be judged by",
            expected="split.validation; or training.merge_holdout above 0, shards merged by "
            "stacking, and a table that is read directly",
            hint="Set `split.validation`, or `training.newton: 0`; `--verbose` says how the table "
            "is read.",
        )
    return schedule


def log_unused(training: Training, names: Sequence[str], why: str) -> None:
    """Name those of some settings that were set and do nothing, so that nobody believes they do."""
    unused = [f"training.{name}" for name in names if name in training.model_fields_set]
    if unused:
        log.info("no effect: %s; %s", ", ".join(unused), why)


def geometric(parts: int) -> tuple[float, ...]:
    """Cuts into parts each as large as all before it.

    Examples
    --------
    >>> geometric(4)
    (0.0, 0.125, 0.25, 0.5, 1.0)
    """
    return (0.0, *(2.0**-power for power in reversed(range(parts))))


def _parts(shards: int, rows: int | None, batch_rows: int) -> int:
    """The number of parts that suits so many shards, if each has a batch for every piece."""
    wanted = min(max(1, round(0.75 * math.log2(shards) - 0.25)), _MOST_PARTS)
    if rows is None:
        return wanted
    batches = rows / shards / batch_rows / 2  # each part has two pieces
    return max(1, min(wanted, 1 + int(math.log2(max(batches, 1)))))
