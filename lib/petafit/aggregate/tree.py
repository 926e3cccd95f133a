"""The fixed tree in which summaries are merged: its shape depends on the number of shards alone.

Whoever finishes the last shard of a group merges the group, so that the run folder never holds
more than the summaries of a few groups.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from petafit.aggregate.law import Aggregator
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
from petafit.aggregate.work import Work
from petafit.errors import DamagedError, StorageError
from petafit.store.arrays import Named, digest, to_pieces

_DIRECT = 16


@dataclass(frozen=True)
class GroupReport:
    """What is known of a group that was merged.

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
    """Whether shards, of which the number is known, are so few that they are merged at once."""
    return 0 < shards <= _DIRECT


def merge_all(aggregator: Aggregator[Any, Any, Any], summaries: Iterable[Named]) -> Named:
    """Merge summaries from left to right, holding two at a time.

    No summary at all gives what an empty shard has to say.
    """
    rest: Iterator[Named] = iter(summaries)
    merged = next(rest, None)
    if merged is None:
        return aggregator.lift(aggregator.start())
    for summary in rest:
        merged = aggregator.merge(merged, summary)
        del summary  # before the next one comes
    return merged


def merge_if_last(work: Work, shard: int) -> None:
    """Merge a shard's group if all others of it are finished; nothing where it is the only group.

    Of several that finish at the same time each may merge it: they write the same bytes.
    """
    if not work.shards or is_one_group(work.shards):
        return
    width = _width(work.shards)
    number = shard // width
    if find_group(work, number):
        remove_summary(work.folder, shard)  # what a straggler has written again
        return
    group = range(number * width, min((number + 1) * width, work.shards))
    # Shards are begun in their order, so that one look at the last tells, as a rule.
    if all(has_report(work.folder, other) for other in reversed(group)):
        merge_group(work, number)


def merge_group(work: Work, number: int) -> GroupReport:
    """Merge the summaries of a group, leave the result in the pass's folder, and remove them.

    A group that was merged before is not merged again.

    Raises
    ------
    StorageError
        A summary is missing or damaged.
    """
    shards = groups(work.shards)[number]
    report = find_group(work, number) or _merge(work, number, shards)
    for shard in shards:
        remove_summary(work.folder, shard)
    return report


def find_group(work: Work, number: int) -> GroupReport | None:
    """The report of a group that was merged; None for one that was not."""
    if not work.folder.exists(_report_name(number)):
        return None
    try:
        return _REPORT.validate_json(work.folder.read(_report_name(number)))
    except ValidationError as error:
        _forget_group(work, number)
        raise DamagedError(
            f"{work.folder.uri}/{_report_name(number)} is damaged", hint=AGAIN
        ) from error


def load_group(work: Work, number: int, report: GroupReport) -> Named:
    """The merged summary of a group, verified.

    Raises
    ------
    StorageError
        It is missing or damaged. What is damaged is removed with the reports of its shards, so that
        the next attempt of the run makes it anew.
    """
    try:
        return read_arrays(work.folder, _merged_name(number), report.digest)
    except DamagedError:
        _forget_group(work, number)
        raise


def _merge(work: Work, number: int, shards: range) -> GroupReport:
    finished = [found for shard in shards if (found := find_report(work.folder, shard))]
    try:
        summaries = (load_summary(work.folder, each) for each in finished)
        content = to_pieces(merge_all(work.aggregator, summaries))
    except StorageError:
        # Another attempt may have merged the group meanwhile, and removed the summaries.
        done = find_group(work, number)
        if done is None:
            raise
        return done
    report = GroupReport(len(finished), digest(content), peak_memory())
    work.folder.write(_merged_name(number), content, durable=False)
    work.folder.write_json(_report_name(number), asdict(report), durable=False)
    return report


def _forget_group(work: Work, number: int) -> None:
    for name in (_report_name(number), _merged_name(number)):
        work.folder.remove(name)
    for shard in groups(work.shards)[number]:
        forget(work.folder, shard)


def _width(shards: int) -> int:
    return shards if is_one_group(shards) else math.isqrt(max(shards - 1, 0)) + 1


def _merged_name(number: int) -> str:
    return f"merged-{number:06d}.npz"


def _report_name(number: int) -> str:
    return f"merged-{number:06d}.json"
