"""The pointer to a model's latest version: that of the latest logical date, then the newest.

A backfill, which is published later for an earlier date, does not become the latest. A version
without a logical date counts as of the date of the latest one before it: it takes its place, until
a version of that date or a later one is published.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from petafit.errors import StorageError
from petafit.models.manifest import FORMAT, read_part, read_version, version_numbers
from petafit.store.dates import moment
from petafit.store.filesystem import Folder

_POINTER = "latest.json"


@dataclass(frozen=True)
class Latest:
    """The latest version among those looked at.

    Attributes
    ----------
    version : int
    logical_date : str or None
        That of the latest of them that has one.
    seen : int
        All versions up to this number were looked at.
    """

    version: int
    logical_date: str | None
    seen: int

    def then(self, number: int, date: str | None) -> "Latest":
        """The latest when one more version is looked at."""
        if date is None:
            return Latest(number, self.logical_date, number)
        if self.logical_date is None or moment(date) >= moment(self.logical_date):
            return Latest(number, date, number)
        return Latest(self.version, self.logical_date, number)


def point_to_latest(model: Folder, published: int) -> None:
    """Let the pointer name the latest version.

    What a pointer says is right for all versions up to `seen`, whoever wrote it, and every
    publisher looks again after its own write: so that the last to write has seen all of them, and
    two publishers cannot leave the pointer behind.
    """
    latest = _usable_pointer(model, published)
    while latest is None or version_numbers(model)[-1] > latest.seen:
        latest = _after(model, latest)
        written = {"version": latest.version, "seen": latest.seen}
        model.write_json(
            _POINTER, {"format": FORMAT, "logical_date": latest.logical_date, **written}
        )


def latest_number(model: Folder) -> int:
    """The number the pointer names, or the latest where no publisher got as far as the pointer.

    Raises
    ------
    StorageError
        The pointer is damaged or names a version that is not there.
    """
    pointer = read_part(model, _POINTER) if model.exists(_POINTER) else None
    numbers = version_numbers(model)  # after the pointer, which may be as new as any of them
    if pointer is None:
        return _after(model, None).version
    number = pointer.get("version")
    if number not in numbers:
        raise StorageError(
            f"{model.uri}/{_POINTER} names a version that is not there",
            expected=f"one of {', '.join(map(str, numbers))}",
            got=number,
        )
    return int(number)


def _usable_pointer(model: Folder, published: int) -> Latest | None:
    """What the pointer says; None where all versions must be looked at again."""
    with suppress(StorageError, ValueError, TypeError):
        told = read_part(model, _POINTER)
        version, date = told["version"], told.get("logical_date")
        seen = int(told.get("seen", version))  # an older petafit pointed to the newest
        if date is not None:
            moment(date)
        if version in version_numbers(model) and seen < published:
            return Latest(version, date, seen)
    return None


def _after(model: Folder, latest: Latest | None) -> Latest:
    """The latest of all versions, from what was the latest of some; damaged ones do not count."""
    numbers = version_numbers(model)
    for number in numbers:
        if latest is None or number > latest.seen:
            with suppress(StorageError):
                date = _date_of(model, number)
                latest = latest.then(number, date) if latest else Latest(number, date, number)
    return replace(latest, seen=numbers[-1]) if latest else Latest(numbers[-1], None, numbers[-1])


def _date_of(model: Folder, number: int) -> str | None:
    """A version's logical date."""
    date = read_version(model, number).logical_date
    with suppress(ValueError):
        if date is not None:
            moment(date)
            return date
    return None
