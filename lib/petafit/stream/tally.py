"""Counts of rows read, compared with the table's log or footers."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from petafit.errors import StorageError


@dataclass
class Tally:
    """Counts of rows, whether they meet the conditions or not.

    Attributes
    ----------
    read : int
        Rows that were read, or skipped because statistics exclude them.
    promised : int
        Rows of the files whose first byte was in a slice read: by the table's log, or by their
        footers if there is none.
    pieces : int
        Number of pieces of shards that were read to their end.
    """

    read: int = 0
    promised: int = 0
    pieces: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.read + other.read, self.promised + other.promised, self.pieces + other.pieces
        )

    def require_equal(self, title: str) -> None:
        """Refuse a pass over more or fewer rows than the table has.

        Raises
        ------
        StorageError
            The numbers differ.
        """
        if self.read != self.promised:
            raise StorageError(
                f"The rows read to {title} are not those that the table promises",
                expected=f"{self.promised:,} rows",
                got=f"{self.read:,} rows",
                hint="Files or the plan changed meanwhile: start again under a new run id.",
            )


@runtime_checkable
class Counted(Protocol):
    """A source that counts the rows it reads, in the tally passed to `read`."""

    def check(self, tally: Tally, title: str) -> None:
        """Refuse a pass over more or fewer rows than the table has.

        Parameters
        ----------
        tally : Tally
            Total of all shards.
        """
