"""The lines of a task file about hashing, the learner and its training."""

from collections.abc import Iterator, Sequence

from petafit.stream.sample import Sample
from petafit.suggestion.seen import Seen, label_kind

_HASH_BITS = (18, 22)
_TEXT_BITS = 20
_MOST_WEIGHTS = 1 << 23
_SHARDS_OF_TIME = 8
_LARGE_ENOUGH = 100_000
_SMALL = 1_000_000
_ROUNDS, _ROUNDS_OF_SMALL, _ROUNDS_OF_TINY = 2, 4, 8
_TINY = 10_000


def learner_lines(
    label: Seen, columns: Sequence[Seen], sample: Sample, *, by_time: bool
) -> Iterator[str]:
    """Yield the number of hashed features, the learner, and how often it sees the rows."""
    values = sum(_values(c, sample) for c in columns if c.feature_kind == "categorical")
    least, most = _HASH_BITS
    kind = label_kind(label)
    outputs = label.distinct if kind == "classes" and label.distinct > 2 else 1
    most = max(least, min(most, (_MOST_WEIGHTS // outputs).bit_length() - 1))
    bits = min(most, (4 * values).bit_length())
    of_text = min(_TEXT_BITS, most)
    if max(bits, least) < of_text and any(c.feature_kind == "text" for c in columns):
        yield f"hash_bits: {of_text} # n-grams are many"
    elif bits > least:
        yield f"hash_bits: {bits} # about {values:,} different categories"
    name = "OnlineLinearRegressor" if kind == "number" else "OnlineLinearClassifier"
    yield f"learner: petafit.{name}"
    yield "training:"
    if sample.total < _TINY:
        yield f"  rounds: {_ROUNDS_OF_TINY} # of few rows"
    elif sample.total < _SMALL:
        yield f"  rounds: {_ROUNDS_OF_SMALL} # of {sample.total:,} rows"
    else:
        yield f"  rounds: {_ROUNDS}"
    if by_time and sample.total >= _LARGE_ENOUGH:
        yield f"  shards: {_SHARDS_OF_TIME} # each of all times, so that none is learnt last"


def _values(column: Seen, sample: Sample) -> int:
    """Return about how many values a column has in all rows."""
    return column.distinct + (0 if sample.is_whole else min(column.unseen, sample.total))
