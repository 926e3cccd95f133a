"""The fixed tree in which summaries are merged: its shape depends on the number of shards alone."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from petafit.aggregate.law import Aggregator
from petafit.aggregate.work import Reference, ShardReport, Work, load_summary
from petafit.store.arrays import Named, digest, to_bytes

_DIRECT = 16

Item = TypeVar("Item")


def groups(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Cut a sequence into about sqrt(n) runs of about sqrt(n); up to 16 items stay one group.

    Examples
    --------
    >>> [list(group) for group in groups(range(3))]
    [[0, 1, 2]]
    >>> [len(group) for group in groups(range(20))]
    [5, 5, 5, 5]
    """
    if len(items) <= _DIRECT:
        return [items] if items else []
    width = math.isqrt(len(items) - 1) + 1
    return [items[begin : begin + width] for begin in range(0, len(items), width)]


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
    return merged


def merge_group(work: Work, number: int, reports: Sequence[ShardReport]) -> Reference:
    """Merge the summaries of one group and leave the result in the pass's folder."""
    merged = merge_all(work.aggregator, (load_summary(work, report) for report in reports))
    content, name = to_bytes(merged), f"merged-{number:06d}.npz"
    work.folder.write(name, content, durable=False)
    return Reference(work.folder, name, digest(content))
