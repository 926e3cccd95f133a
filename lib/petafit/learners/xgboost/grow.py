"""A worker's part in growing trees: its rows as a matrix, then one round after the other.

Several workers form a group of XGBoost's own collective: each has its shards' rows, the histograms
are summed over all, and every worker grows the same trees. The first one with rows keeps them.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    ExitStack,
    contextmanager,
    nullcontext,
    redirect_stdout,
)
from dataclasses import asdict, dataclass, replace
from io import StringIO
from typing import Any

import numpy as np
import xgboost
from xgboost import collective

from petafit.aggregate.engine import Answer
from petafit.aggregate.memory import peak_memory
from petafit.errors import ConfigurationError, EmptyInputError, LostWorkerError
from petafit.learners.xgboost.checkpoint import TreesSoFar
from petafit.learners.xgboost.failure import GroupFailure
from petafit.learners.xgboost.parameters import Boosting
from petafit.learners.xgboost.rows import MatrixRows, TreeRows
from petafit.store.filesystem import Folder

log = logging.getLogger("petafit")

_VALIDATION = "validation"
_OF_THE_GROUP = ("collective", "allreduce", "Allreduce", "tracker", "rabit")
"""Words of XGBoost's messages where the connection to another worker failed."""


@dataclass(frozen=True)
class Group:
    """The workers of one launch.

    Attributes
    ----------
    workers : int
    address : mapping
        Where XGBoost's tracker listens, as arguments of its collective; empty for one worker.
    launch : str
        Differs from that of every other launch.
    """

    workers: int
    address: Mapping[str, Any]
    launch: str


@dataclass(frozen=True)
class GrowTrees:
    """The work of every worker of a group.

    Attributes
    ----------
    validation : TreeRows or None
        The rows whose loss ends the training.
    folder : Folder
        Of the trees so far.
    threads : int
        Of each worker.
    checkpoint_seconds : float
        How often the trees are saved.
    external : bool
        The matrix stays on the local disk, not in memory.
    scratch : str or None
        A local folder for it.
    """

    training: TreeRows
    validation: TreeRows | None
    boosting: Boosting
    folder: Folder
    threads: int
    checkpoint_seconds: float
    external: bool = False
    scratch: str | None = None

    def __call__(self, group: Group, rank: int, beat: Callable[[int], None]) -> Answer:
        """Take part in a group.

        Returns
        -------
        dict
            ``rows`` and ``tally`` of the worker's training rows, and its ``peak_memory`` in bytes.

        Raises
        ------
        LostWorkerError
            Another worker ended, or this one was started anew by Spark, without the others' trees.
        EmptyInputError
            There are validation rows to be, and there are none.
        ConfigurationError
            XGBoost refuses rows or parameters.
        """
        if group.address and not self.folder.create(f"launch-{group.launch}-{rank:06d}", b""):
            raise LostWorkerError("A worker that grows trees ended, and Spark started all anew")
        with _explained(), xgboost.config_context(verbosity=0), ExitStack() as stack:
            scratch = stack.enter_context(self._scratch())
            if group.address:
                joined = collective.CommunicatorContext(**group.address, dmlc_task_id=f"{rank:06d}")
                with redirect_stdout(StringIO()):  # XGBoost prints each worker's rank
                    stack.enter_context(joined)
                stack.enter_context(GroupFailure(self.folder, group.launch).shared(scratch))
                stack.enter_context(_explained())
            training = self._iterator(self.training, group, rank, beat, scratch)
            matrix = self._matrix(training)
            checked = None
            if self.validation is not None:
                rows = self._iterator(self.validation, group, rank, beat, scratch)
                checked = self._matrix(rows, ref=matrix)
                if not _of_all(group, rows.rows, collective.Op.SUM):
                    raise EmptyInputError(
                        "No rows to validate", hint="Check `split.validation` against the table."
                    )
            # XGBoost tells a worker without rows none of the categories
            candidate = rank if training.rows else group.workers
            keeper = _of_all(group, candidate, collective.Op.MIN)
            self._grow(matrix, checked, keeps=rank == keeper)
        return {
            "rows": training.rows,
            "tally": asdict(training.tally),
            "peak_memory": peak_memory(),
        }

    def _scratch(self) -> AbstractContextManager[str | None]:
        """Make a local folder for the matrices, where they do not fit into memory."""
        if self.external:
            return tempfile.TemporaryDirectory(dir=self.scratch)
        return nullcontext()

    def _iterator(
        self,
        rows: TreeRows,
        group: Group,
        rank: int,
        beat: Callable[[int], None],
        scratch: str | None,
    ) -> MatrixRows:
        name = "training" if rows.of_training else _VALIDATION
        prefix = None if scratch is None else f"{scratch}/{name}"
        shards = range(rank, rows.source.shards, group.workers)
        return MatrixRows(rows.reader(), shards, beat, prefix)

    def _matrix(self, rows: MatrixRows, ref: Any = None) -> Any:
        kind = xgboost.ExtMemQuantileDMatrix if self.external else xgboost.QuantileDMatrix
        return kind(
            rows,
            ref=ref,
            max_bin=self.boosting.params["max_bin"],
            nthread=self.threads,
            enable_categorical=True,
        )

    def _grow(self, matrix: Any, checked: Any, *, keeps: bool) -> None:
        """Add rounds to the trees so far until there are enough."""
        known = TreesSoFar.read(self.folder)
        params = {**self.boosting.params, "nthread": self.threads}
        params["seed"] += known.rounds  # or the rows of the first rounds would be drawn once more
        matrices = [matrix] if checked is None else [matrix, checked]
        content = bytearray(known.content) or None
        booster = xgboost.Booster(params, matrices, model_file=content)
        began = saved = time.monotonic()
        losses = list(known.losses)
        for number in range(known.rounds, self.boosting.trees):
            booster.update(matrix, number)
            if checked is not None:
                losses.append(_loss(booster, checked, number))
            known = replace(known, rounds=number + 1, losses=tuple(losses))
            if self.boosting.ends(known.losses):
                break
            if keeps and time.monotonic() - saved > self.checkpoint_seconds:
                saved = time.monotonic()
                self._keep(booster, known, saved - began)
                log.info("%d rounds of trees%s", number + 1, _so_far(losses))
        if keeps:
            self._keep(booster, known, time.monotonic() - began)

    def _keep(self, booster: Any, known: TreesSoFar, seconds: float) -> None:
        content = bytes(booster.save_raw("ubj"))
        replace(known, content=content, seconds=known.seconds + seconds).write(self.folder)


def _of_all(group: Group, number: int, op: collective.Op) -> int:
    """Combine the numbers of all workers."""
    if not group.address:
        return number
    return int(collective.allreduce(np.array([number]), op)[0])


def _loss(booster: Any, checked: Any, number: int) -> float:
    """Return the loss on the validation rows, those of all workers."""
    measured = booster.eval_set([(checked, _VALIDATION)], number)
    return float(measured.rpartition(":")[2])


def _so_far(losses: list[float]) -> str:
    return f", validation loss {losses[-1]:.5g}" if losses else ""


@contextmanager
def _explained() -> Iterator[None]:
    """Convert XGBoost's errors to petafit's."""
    try:
        yield
    except xgboost.core.XGBoostError as error:
        text = str(error)
        if any(word in text for word in _OF_THE_GROUP):
            raise LostWorkerError(
                "A worker that grows trees has lost the others",
                got=text.partition("\n")[0][:200],
                hint="The same run id resumes the run from the last trees that were saved.",
            ) from error
        raise ConfigurationError(
            "XGBoost cannot learn from these rows",
            got=text.partition("\n")[0].rpartition("] ")[2],
            hint="Check `learner.params`, and the range of the label.",
        ) from error
