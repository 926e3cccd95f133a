"""Partition summaries of a published model, kept so that a partition can be left out of it."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from petafit.aggregate.pass_files import Reference
from petafit.errors import ConfigurationError, did_you_mean
from petafit.learners.base import Learner, refuse_to_unmerge
from petafit.learners.registry import make_learner
from petafit.models.model import Model
from petafit.models.signature import Signature
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.filesystem import Folder

FOLDER = "summaries"
"""Folder name within the run folder."""

INDEX = "index.json"
TOTAL = "total.npz"
SIGNATURE = "signature.npz"


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition of the training rows.

    Attributes
    ----------
    name : str
        Its folder's name: ``day=2013-01-05``.
    rows : int
        Number of rows learnt from.
    file, digest : str
        The file of its summary, and that file's SHA-256.
    """

    name: str
    rows: int
    file: str
    digest: str


@dataclass(frozen=True)
class KeptSummaries:
    """The summaries of a model's partitions.

    Leaving a partition out gives an exact learner's model of all other rows; for other learners, it
    gives the merge of all other partitions. Statistics of the whole table that features use (means,
    scales, classes) do not change.

    Attributes
    ----------
    folder : Folder
        The folder of the summaries.
    merge, seed : str, int
        The training's settings, with which the learner is made.
    partitions : tuple of Partition
        The partitions that have rows.
    total, signature : str
        Digests of the merged summary, and of the model's signature.
    """

    folder: Folder
    merge: str
    seed: int
    partitions: tuple[Partition, ...]
    total: str
    signature: str

    @cached_property
    def reads(self) -> Signature:
        """The model's signature: its inputs, and its learner's parameters."""
        return Signature.from_state_dict(Reference(self.folder, SIGNATURE, self.signature).load())

    @cached_property
    def learner(self) -> Learner[Any]:
        """The learner that merges and subtracts the summaries."""
        return self.learner_over(self.reads.encoder.n_features)

    def learner_over(self, n_features: int) -> Learner[Any]:
        """Make the learner for another number of features."""
        statistics = self.reads.encoder.statistics
        return make_learner(
            self.reads.choice,
            n_features=n_features,
            statistics=statistics,
            seed=self.seed,
            merge=self.merge,
        )

    def merged(self) -> StateDict:
        """Load the merged summary of all partitions."""
        return self._checked(Reference(self.folder, TOTAL, self.total))

    def summary(self, partition: Partition) -> StateDict:
        """Load the summary of one partition.

        Raises
        ------
        StorageError
            The summary is missing or damaged.
        """
        return self._checked(Reference(self.folder, partition.file, partition.digest))

    def _checked(self, stored: Reference) -> StateDict:
        summary = stored.load()
        self.learner.check_summary(summary)
        return summary

    def without(self, *names: str) -> Model:
        """Return the model without some partitions.

        Parameters
        ----------
        names : str
            As in ``day=2013-01-05``.

        Raises
        ------
        ConfigurationError
            There is no such partition, one is named twice, or none would be left.
        StorageError
            A summary is missing or damaged.
        """
        known = {partition.name: partition for partition in self.partitions}
        for place, name in enumerate(names):
            if name not in known:
                raise ConfigurationError(
                    f"No partition {name!r} was kept", hint=did_you_mean(name, known)
                )
            if name in names[:place]:
                raise ConfigurationError(f"The partition {name!r} can be taken out once only")
        if len(names) == len(known):
            raise ConfigurationError("A model cannot be left without any partition")
        rest = self.merged()
        for name in names:
            rest = self.learner.unmerge(rest, self.summary(known[name]))
        return Model.of(self.reads, self.learner.finish(rest))

    @classmethod
    def open(cls, run: Folder) -> Self:
        """Open the summaries kept in a run folder.

        Raises
        ------
        ConfigurationError
            The run has kept none.
        """
        folder = run.child(FOLDER)
        if not folder.exists(INDEX):
            raise ConfigurationError(
                f"There are no kept summaries in {run.uri}",
                hint="Train with `training.keep_summaries: COLUMN`, a partition column of the "
                "table; removing the run folder removes them, too.",
            )
        index = folder.read_json(INDEX)
        partitions = tuple(Partition(**each) for each in index.pop("partitions"))
        return cls(folder, partitions=partitions, **index)


def load_summaries(run: str | os.PathLike[str]) -> KeptSummaries:
    """Load the partition summaries that a training has kept; needs neither Spark nor a JVM.

    Parameters
    ----------
    run : str or path
        A run's folder, as in ``runs/train-clicks-20261122T174606-bc15``.

    Raises
    ------
    ConfigurationError
        The run has kept none: see the setting ``training.keep_summaries``.
    """
    return KeptSummaries.open(Folder(run))


def check_keepable(learner: Learner[Any]) -> None:
    """Refuse a learner whose merged shards cannot be subtracted.

    Raises
    ------
    ConfigurationError
        Subtracting is impossible for this learner.
    """
    if not learner.subtractable:
        raise ConfigurationError(
            f"`training.keep_summaries` is of no use for {learner.name}"
            + (" merged by stacking" if learner.stacks else ""),
            expected=refuse_to_unmerge(learner.name).expected,
            hint="Choose one of these, or leave `training.keep_summaries` out.",
        )


def keep_summaries(
    run: Folder,
    summaries: Iterable[StateDict],
    merged: StateDict,
    *,
    names: Sequence[str],
    signature: Signature,
    merge: str,
    seed: int,
) -> dict[str, Any]:
    """Write the summaries that `KeptSummaries` reads, leaving out those without rows.

    Parameters
    ----------
    run : Folder
        The training's run folder.
    merged : StateDict
        All summaries merged.
    names : sequence of str
        The partition of each shard.
    signature : Signature
        The model's signature.
    merge, seed : str, int
        The settings with which the learner was made.

    Returns
    -------
    dict
        The manifest's entry: folder, number of summaries, and their total bytes.
    """
    folder, kept, size = run.child(FOLDER), [], 0
    for shard, (name, summary) in enumerate(zip(names, summaries, strict=True)):
        rows = int(summary.params["rows"])
        if rows:
            content = to_buffers(summary)
            kept.append(Partition(name, rows, f"partition-{shard:06d}.npz", digest(content)))
            folder.write(kept[-1].file, content, durable=False)
            size += sum(map(len, content))
    whole, reads = to_buffers(merged), to_buffers(signature.to_state_dict())
    folder.write(TOTAL, whole, durable=False)
    folder.write(SIGNATURE, reads, durable=False)
    index = {"merge": merge, "seed": seed, "total": digest(whole), "signature": digest(reads)}
    folder.write_json(INDEX, {**index, "partitions": [asdict(each) for each in kept]})
    return {"path": folder.uri, "partitions": len(kept), "bytes": size}
