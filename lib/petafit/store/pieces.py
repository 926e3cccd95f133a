"""File content in pieces, so that large arrays are written to disk without copying them first."""

from collections.abc import Sequence
from typing import TypeAlias

Pieces: TypeAlias = Sequence[memoryview]
"""Consecutive bytes. The owner must not modify the memory before it is written."""


def as_pieces(content: bytes | Pieces) -> Pieces:
    """Return bytes as one piece, and pieces unchanged."""
    return [memoryview(content)] if isinstance(content, bytes) else content


class PieceFile:
    """A writable file that stores references to its pieces, without copying.

    After seeking back, a piece can be replaced by one of the same length.
    """

    def __init__(self) -> None:
        self._pieces: dict[int, memoryview] = {}
        self._at = 0

    @property
    def pieces(self) -> Pieces:
        """Return all pieces written, in order."""
        return [self._pieces[start] for start in sorted(self._pieces)]

    def write(self, piece: bytes | memoryview) -> int:
        """Put a piece at the current position."""
        self._pieces[self._at] = memoryview(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        """Return the current position."""
        return self._at

    def seek(self, offset: int) -> int:
        """Move to the start of a piece, or to the end."""
        self._at = offset
        return offset

    def flush(self) -> None:
        """Do nothing: there is no buffer."""
