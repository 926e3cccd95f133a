"""Writing of a training's shard summaries, each a partition's, to its run folder."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from petafit.errors import ConfigurationError
from petafit.learners.base import Learner, refuse_to_unmerge
from petafit.models.model import Signature
from petafit.models.partition_summaries import FOLDER, INDEX, SIGNATURE, TOTAL, Partition
from petafit.store.arrays import StateDict, digest, to_buffers
from petafit.store.filesystem import Folder


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
    """Keep summaries for `partition_summaries.KeptSummaries`, leaving out those without rows.

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
