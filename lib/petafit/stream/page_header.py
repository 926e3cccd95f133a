"""The header of a Parquet page: a struct in Thrift's compact protocol.

References
----------
``parquet.thrift`` of the Parquet format, and ``thrift-compact-protocol.md`` of Apache Thrift.
"""

from typing import Any, NamedTuple, Self

DATA, DICTIONARY, DATA_V2 = 0, 2, 3
"""The kinds of pages that hold values."""

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 7, 8, 12
_INTEGERS = (4, 5, 6)


class PageHeader(NamedTuple):
    """What precedes a page.

    Attributes
    ----------
    kind : int
        `DATA`, `DICTIONARY`, `DATA_V2`, or one of those without values.
    size, stored_size : int
        Bytes of the page, and those it takes in the file.
    checksum : int or None
        CRC-32 of the page as it is in the file.
    count : int
        Of values, nulls included.
    encoding : int
        Of the values.
    level_encoding : int
        Of the levels that tell nulls; only in `DATA`.
    level_bytes : int
        How many bytes of levels stand before the values; only in `DATA_V2`.
    is_compressed : bool
        Where the column has a codec at all.
    """

    kind: int
    size: int
    stored_size: int
    checksum: int | None
    count: int = 0
    encoding: int = 0
    level_encoding: int = 0
    level_bytes: int = 0
    is_compressed: bool = True

    @classmethod
    def of(cls, fields: dict[int, Any]) -> Self:
        """From the numbered fields of the struct.

        Raises
        ------
        KeyError
            One that must be there is missing.
        """
        common = (fields[1], fields[2], fields[3], fields.get(4))
        match fields[1]:
            case kind if kind == DATA:
                page = fields[5]
                return cls(*common, count=page[1], encoding=page[2], level_encoding=page[3])
            case kind if kind == DICTIONARY:
                return cls(*common, count=fields[7][1], encoding=fields[7][2])
            case kind if kind == DATA_V2:
                page = fields[8]
                return cls(
                    *common,
                    count=page[1],
                    encoding=page[4],
                    level_bytes=page[5],
                    is_compressed=page.get(7, True),
                )
            case _:
                return cls(*common)


def parse_header(content: memoryview) -> tuple[PageHeader, int]:
    """The header that some bytes begin with, and how many bytes it takes.

    Raises
    ------
    IndexError
        The bytes end before it does.
    KeyError, ValueError
        It is none.
    """
    struct = _Struct(content)
    return PageHeader.of(struct.fields()), struct.at


class _Struct:
    """Reads on from a place; what is never asked for is passed over."""

    def __init__(self, content: memoryview) -> None:
        self._content, self.at = content, 0

    def fields(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        number = 0
        while kind_and_step := self._byte():
            step = kind_and_step >> 4
            number = number + step if step else self._integer()
            found[number] = self._value(kind_and_step & 15)
        return found

    def _value(self, kind: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind in _INTEGERS:
            return self._integer()
        if kind == _STRUCT:
            return self.fields()
        if kind not in (_BYTE, _DOUBLE, _BINARY):
            raise ValueError(f"a page header with a field of type {kind}")
        length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._varint()
        self.at += length
        return None

    def _byte(self) -> int:
        self.at += 1
        return self._content[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _integer(self) -> int:
        """Positive and negative numbers take turns: 0, -1, 1, -2, ..."""
        zigzag = self._varint()
        return (zigzag >> 1) ^ -(zigzag & 1)
