"""The pointer to a model's latest version: the newest version of the latest logical date.

A backfill, which is published later for an earlier date, does not become the latest. A version
without a logical date inherits the date of the latest version before it: it replaces that version
as the latest, until a version of that date or a later one is published.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from petafit.errors import StorageError
from petafit.models.manifest import FORMAT, read_part, read_version, version_numbers
from petafit.store.filesystem import Folder
from petafit.store.run_manifest import moment

_POINTER = "latest.json"


@dataclass(frozen=True)
class Latest:
    """The latest version among those examined so far.

    Attributes
    ----------
    version : int
    logical_date : str or None
        The date of the latest of these versions that has a date.
    seen : int
        All versions up to this number were examined.
    """

    version: int
    logical_date: str | None
    seen: int

    def then(self, number: int, date: str | None) -> "Latest":
        """Return the latest version after examining one more."""
        if date is None:
            return Latest(number, self.logical_date, number)
        if self.logical_date is None or moment(date) >= moment(self.logical_date):
            return Latest(number, date, number)
        return Latest(self.version, self.logical_date, number)


def point_to_latest(model: Folder, published: int) -> None:
    """Point the pointer at the latest version.

    A pointer is right for all versions up to its `seen`, whichever process wrote it, and every
    publisher checks again after its own write: so the last one to write has seen all versions, and
    two concurrent publishers cannot leave the pointer stale.
    """
    latest = _usable_pointer(model, published)
    while latest is None or version_numbers(model)[-1] > latest.seen:
        latest = _after(model, latest)
        written = {"version": latest.version, "seen": latest.seen}
        model.write_json(
            _POINTER, {"format": FORMAT, "logical_date": latest.logical_date, **written}
        )


def latest_number(model: Folder) -> int:
    """Return the number in the pointer, or find the latest version if no pointer was written.

    Raises
    ------
    StorageError
        The pointer is damaged or names a version that does not exist.
    """
    pointer = read_part(model, _POINTER) if model.exists(_POINTER) else None
    # after reading the pointer, which may be as new as any of these versions
    numbers = version_numbers(model)
    if pointer is None:
        return _after(model, None).version
    number = pointer.get("version")
    if number not in numbers:
        raise StorageError(
            f"{model.uri}/{_POINTER} names a version that does not exist",
            expected=f"one of {', '.join(map(str, numbers))}",
            got=number,
        )
    return int(number)


def _usable_pointer(model: Folder, published: int) -> Latest | None:
    """Read the pointer; None if all versions must be examined again."""
    with suppress(StorageError, ValueError, TypeError):
        pointer = read_part(model, _POINTER)
        version, date = pointer["version"], pointer.get("logical_date")
        seen = int(pointer.get("seen", version))  # older releases always pointed to the newest
        if date is not None:
            moment(date)
        if version in version_numbers(model) and seen < published:
            return Latest(version, date, seen)
    return None


def _after(model: Folder, latest: Latest | None) -> Latest:
    """Update the latest version with all newer ones, ignoring damaged manifests."""
    numbers = version_numbers(model)
    for number in numbers:
        if latest is None or number > latest.seen:
            with suppress(StorageError):
                date = _date_of(model, number)
                latest = latest.then(number, date) if latest else Latest(number, date, number)
    return replace(latest, seen=numbers[-1]) if latest else Latest(numbers[-1], None, numbers[-1])


def _date_of(model: Folder, number: int) -> str | None:
    """Return a version's logical date."""
    date = read_version(model, number).logical_date
    with suppress(ValueError):
        if date is not None:
            moment(date)
            return date
    return None
