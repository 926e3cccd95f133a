"""The fixed tree in which summaries are merged: its shape depends on the number of shards alone.

Whoever finishes the last shard of a group merges the group, so that the run folder never holds
more than the summaries of a few groups.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.memory import peak_memory
from petafit.aggregate.pass_files import (
    AGAIN,
    find_report,
    forget,
    has_report,
    load_summary,
    read_arrays,
    remove_summary,
)
from petafit.aggregate.shard_task import ShardTask
from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import StateDict, digest, to_buffers

_DIRECT = 16


@dataclass(frozen=True)
class GroupReport:
    """The report of a group that was merged.

    Attributes
    ----------
    shards : int
        Whose summaries were merged.
    digest : str
        Of the merged summary in the run folder.
    peak_memory : int
        Bytes, of the process that merged them.
    """

    shards: int
    digest: str
    peak_memory: int


_REPORT = TypeAdapter(GroupReport)


def groups(shards: int) -> list[range]:
    """Cut shards into about sqrt(n) runs of about sqrt(n); up to 16 stay one group.

    Examples
    --------
    >>> groups(3)
    [range(0, 3)]
    >>> [len(group) for group in groups(20)]
    [5, 5, 5, 5]
    """
    width = _width(shards)
    return [range(begin, min(begin + width, shards)) for begin in range(0, shards, width)]


def is_one_group(shards: int) -> bool:
    """True where the number of shards is known, and so small that they are merged at once."""
    return 0 < shards <= _DIRECT


def merge(aggregator: Aggregator[Any, Any, Any], summaries: Iterable[StateDict]) -> StateDict:
    """Merge summaries from left to right, holding two at a time.

    No summary at all gives that of an empty shard.
    """
    rest: Iterator[StateDict] = iter(summaries)
    merged = next(rest, None)
    if merged is None:
        return aggregator.lift(aggregator.start())
    for summary in rest:
        merged = aggregator.merge(merged, summary)
        del summary  # before the next one comes
    return merged


def merge_if_last(task: ShardTask, shard: int) -> None:
    """Merge a shard's group if all others of it are finished; nothing where it is the only group.

    Of several that finish at the same time each may merge it: they write the same bytes.
    """
    if not task.shards or is_one_group(task.shards):
        return
    width = _width(task.shards)
    number = shard // width
    if find_group(task, number):
        remove_summary(task.folder, shard)  # what a straggler has written again
        return
    group = range(number * width, min((number + 1) * width, task.shards))
    # Shards are begun in their order, so that one look at the last tells, as a rule.
    if all(has_report(task.folder, other) for other in reversed(group)):
        merge_group(task, number)


def merge_group(task: ShardTask, number: int) -> GroupReport:
    """Merge the summaries of a group, leave the result in the pass's folder, and remove them.

    A group that was merged before is not merged again.

    Raises
    ------
    StorageError
        A summary is missing or damaged.
    """
    shards = groups(task.shards)[number]
    report = find_group(task, number) or _merge(task, number, shards)
    for shard in shards:
        remove_summary(task.folder, shard)
    return report


def find_group(task: ShardTask, number: int) -> GroupReport | None:
    """The report of a group that was merged; None for one that was not."""
    if not task.folder.exists(_report_name(number)):
        return None
    try:
        return _REPORT.validate_json(task.folder.read(_report_name(number)))
    except ValidationError as error:
        _forget_group(task, number)
        raise DamagedError(
            f"{task.folder.uri}/{_report_name(number)} is damaged", hint=AGAIN
        ) from error


def load_group(task: ShardTask, number: int, report: GroupReport) -> StateDict:
    """The merged summary of a group, verified.

    Raises
    ------
    StorageError
        It is missing or damaged. What is damaged is removed with the reports of its shards, so that
        the next attempt of the run makes it anew.
    """
    try:
        return read_arrays(task.folder, _merged_name(number), report.digest)
    except DamagedError:
        _forget_group(task, number)
        raise


def _merge(task: ShardTask, number: int, shards: range) -> GroupReport:
    finished = [found for shard in shards if (found := find_report(task.folder, shard))]
    try:
        summaries = (load_summary(task.folder, each) for each in finished)
        content = to_buffers(merge(task.aggregator, summaries))
    except StorageError:
        # Another attempt may have merged the group meanwhile, and removed the summaries.
        done = find_group(task, number)
        if done is None:
            raise
        return done
    report = GroupReport(len(finished), digest(content), peak_memory())
    task.folder.write(_merged_name(number), content, durable=False)
    task.folder.write_json(_report_name(number), asdict(report), durable=False)
    return report


def _forget_group(task: ShardTask, number: int) -> None:
    for name in (_report_name(number), _merged_name(number)):
        task.folder.remove(name)
    for shard in groups(task.shards)[number]:
        forget(task.folder, shard)


def _width(shards: int) -> int:
    return shards if is_one_group(shards) else math.isqrt(max(shards - 1, 0)) + 1


def _merged_name(number: int) -> str:
    return f"merged-{number:06d}.npz"


def _report_name(number: int) -> str:
    return f"merged-{number:06d}.json"
