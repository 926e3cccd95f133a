"""Aliases of model versions, such as `champion`, the history of each, and references by them."""

import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import TypeAdapter

from petafit.errors import ConfigurationError, ConflictError, StorageError
from petafit.models.manifest import FORMAT, read_part
from petafit.store.filesystem import Folder
from petafit.store.plain import to_json, validated

LATEST = "latest"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_ENTRY = re.compile(r"(\d{6,})\.json")
_REFERENCE = re.compile(r"(?P<model>.+)@(?P<asked>\d+|[a-z][a-z0-9_-]*)", re.DOTALL)

Asked = int | str | None
"""A version by its number or alias; None is the latest."""


@dataclass(frozen=True)
class AliasChange:
    """A change of an alias's target.

    Attributes
    ----------
    version : int
        The alias's target from then on.
    previous : int or None
        The number of the change that a rollback goes back to.
    at : str
        When, in UTC.
    """

    action: Literal["promote", "rollback"]
    version: int
    previous: int | None
    at: str


_FIELDS = TypeAdapter(AliasChange)


def check_alias(alias: str) -> None:
    """Refuse an alias that is reserved or ambiguous.

    Raises
    ------
    ConfigurationError
        The alias is reserved for the latest version, or could be mistaken for a number or a path.
    """
    if alias == LATEST or not _NAME.fullmatch(alias):
        raise ConfigurationError(
            f"A version cannot be given the alias {alias!r}",
            expected="small letters, digits, '_' and '-', a letter first, and not latest",
            hint=f"{LATEST!r} is always the latest version.",
        )


def aliases_of(model: Folder) -> dict[str, int]:
    """Return the version behind each alias of a model, leaving out damaged aliases."""
    found = {}
    for name in filter(_NAME.fullmatch, model.child("aliases").names()):
        with suppress(StorageError):
            if change := _last(model, name):
                found[name] = change[1].version
    return found


def alias_of(model: Folder, alias: str) -> int | None:
    """Return the version behind an alias; None if the alias does not exist.

    Raises
    ------
    StorageError
        The alias is damaged.
    """
    change = _last(model, alias) if _NAME.fullmatch(alias) else None
    return change[1].version if change else None


def promote(model: Folder, alias: str, version: int) -> None:
    """Point an alias at a version; does nothing if it already points there.

    Raises
    ------
    ConfigurationError
        The alias is reserved or ambiguous.
    ConflictError
        Another process changed the alias at the same time.
    """
    check_alias(alias)
    last = _last(model, alias)
    if last is None or last[1].version != version:
        number = last[0] if last else None
        _add(model, alias, number, AliasChange("promote", version, number, _now()))


def roll_back(model: Folder, alias: str) -> int:
    """Point an alias at the version it named before its last promotion.

    Returns
    -------
    int
        The version that the alias names now.

    Raises
    ------
    ConfigurationError
        The alias has no earlier version.
    ConflictError
        Another process changed the alias at the same time.
    """
    last = _last(model, alias)
    if last is None or last[1].previous is None:
        raise ConfigurationError(
            f"The alias {alias!r} in {model.uri} cannot be rolled back: it has "
            f"{'never named a version' if last is None else 'named no other version before'}",
            hint="`petafit models` lists the aliases there are.",
        )
    earlier = _read(model, alias, last[1].previous)
    change = AliasChange("rollback", earlier.version, earlier.previous, _now())
    _add(model, alias, last[0], change)
    return earlier.version


def _last(model: Folder, alias: str) -> tuple[int, AliasChange] | None:
    names = model.child("aliases", alias).names()
    numbers = [int(match[1]) for match in map(_ENTRY.fullmatch, names) if match]
    return (max(numbers), _read(model, alias, max(numbers))) if numbers else None


def _read(model: Folder, alias: str, number: int) -> AliasChange:
    name = f"aliases/{alias}/{number:06d}.json"
    return validated(_FIELDS, read_part(model, name), damaged=f"{model.uri}/{name}")


def _add(model: Folder, alias: str, after: int | None, change: AliasChange) -> None:
    name = f"aliases/{alias}/{(after or 0) + 1:06d}.json"
    if not model.create(name, to_json({"format": FORMAT, **asdict(change)})):
        raise ConflictError(
            f"Another process changed the alias {alias!r} in {model.uri} at the same time",
            hint="Look at `petafit models`, then decide again.",
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def split_reference(name: str) -> tuple[str, Asked]:
    """Split a reference into the model's name or path, and the version or alias behind ``@``, if
    any.

    Examples
    --------
    >>> split_reference("models/flights@3")
    ('models/flights', 3)
    >>> split_reference("flights@champion")
    ('flights', 'champion')
    >>> split_reference("flights")
    ('flights', None)
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        return name, None
    asked = found["asked"]
    return found["model"], int(asked) if asked.isdigit() else asked
