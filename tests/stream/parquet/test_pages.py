"""Iterating over the pages of a column chunk, with any headers."""

import pyarrow as pa
import pytest

from petafit.stream.parquet.pages import check_count
from tests.fuzz import thrift


def page(*, n_values: int, size: int) -> bytes:
    """The header of a plain data page that claims so many bytes."""

    def struct(*fields: int) -> thrift.Value:
        values = [(number, thrift.Value(thrift.I32, each)) for number, each in enumerate(fields, 1)]
        return thrift.Value(thrift.STRUCT, values)

    header = struct(0, size, size)
    header.content.append((5, struct(n_values, 0, 3, 3)))
    return thrift.dump(header)


def count(content: bytes, n_values: int) -> None:
    check_count(pa.BufferReader(content), range(len(content)), n_values)


def test_pages_of_all_values_are_stepped_over() -> None:
    first, second = page(n_values=3, size=10), page(n_values=2, size=300)
    content = first + bytes(10) + second + bytes(300)
    count(content, 5)
    for other in (4, 6):
        with pytest.raises(pa.ArrowInvalid, match="than the footer says"):
            count(content, other)


@pytest.mark.parametrize(
    ("size", "n_values"),
    [(10, 4), (10, 2), (11, 3), (2**31 - 1, 3), (2**31 - 1, 4), (11, 4)],
)
def test_other_values_or_bytes_than_the_footer_says_are_refused(size: int, n_values: int) -> None:
    with pytest.raises(pa.ArrowInvalid, match="than the footer says"):
        count(page(n_values=3, size=size) + bytes(10), n_values)
