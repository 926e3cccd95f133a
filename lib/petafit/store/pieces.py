"""A file's content in pieces, so that large arrays reach the disk without being copied before."""

from collections.abc import Sequence
from typing import TypeAlias

Pieces: TypeAlias = Sequence[memoryview]
"""Bytes, one after the other. Whoever owns the memory must not change it before it is written."""


def as_pieces(content: bytes | Pieces) -> Pieces:
    """Bytes as one piece; pieces as they are."""
    return [memoryview(content)] if isinstance(content, bytes) else content


class PieceFile:
    """A file to be written that keeps what it is given, and copies none of it.

    Going back, a piece can be replaced by one of the same length.
    """

    def __init__(self) -> None:
        self._pieces: dict[int, memoryview] = {}
        self._at = 0

    @property
    def pieces(self) -> Pieces:
        """All that was written, in its place."""
        return [self._pieces[start] for start in sorted(self._pieces)]

    def write(self, piece: bytes | memoryview) -> int:
        """Put a piece where the file stands."""
        self._pieces[self._at] = memoryview(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Where the file stands."""
        return self._at

    def seek(self, offset: int) -> int:
        """Stand where a piece begins, or at the end."""
        self._at = offset
        return offset

    def flush(self) -> None:
        """Nothing is held back."""
