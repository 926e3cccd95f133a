"""Placeholders in settings: `{logical_date}` is the run's logical date, `{data}` is paths.data.

Only a name in braces is a placeholder; other braces are literal, and ``{{name}}`` is the text
``{name}``. In an address any text but these two names is literal.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from petafit.config.section import Names, Section
from petafit.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from petafit.config.settings import Settings

_NAMES = ("logical_date", "data")
_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[A-Za-z_][\w -]*)\}\}|\{(?P<name>[A-Za-z_][\w -]*)\}")
_IN_ADDRESS = re.compile(r"(?P<literal>(?!))|\{(?P<name>logical_date|data)\}")


class _Kind(Enum):
    """Marks the settings that may contain placeholders."""

    TEXT = auto()
    ADDRESS = auto()


def _check(value: Any) -> Any:
    for text in _texts(value):
        for name in _names(text):
            if name not in _NAMES:
                raise ValueError(
                    f"{{{name}}} stands for nothing; {did_you_mean(name, _NAMES)} "
                    f"Text in braces is written {{{{{name}}}}}"
                )
    return value


Template = Annotated[str, AfterValidator(_check), _Kind.TEXT]
"""Text that may contain placeholders."""

Templates = Annotated[Names, AfterValidator(_check), _Kind.TEXT]
"""One or several texts that may contain placeholders."""

Address = Annotated[str, _Kind.ADDRESS]
"""A folder or URI that may contain placeholders."""


def fill(settings: "Settings", logical_date: str | None, sections: Collection[str]) -> "Settings":
    """Replace the placeholders in some sections of settings.

    Parameters
    ----------
    sections : collection of str
        The sections that the job reads: others may have placeholders without a value.

    Raises
    ------
    ConfigurationError
        A setting needs a logical date, and there is none.
    """
    values = {"logical_date": logical_date, "data": settings.paths.data}
    filled = {name: _filled(getattr(settings, name), values, name) for name in sections}
    return settings.model_copy(update=filled)


def is_unfilled(text: str) -> bool:
    """Return whether a text still has a placeholder: its section is not read by the job."""
    return not set(_names(text)).isdisjoint(_NAMES)


def holds_date(section: Section) -> bool:
    """Return whether a section depends on the logical date."""
    return "{logical_date}" in section.model_dump_json()


def _filled(
    value: Any, values: Mapping[str, str | None], key: str, kind: _Kind | None = None
) -> Any:
    """Fill a section, or a value of which `kind` says whether it may contain placeholders."""
    if isinstance(value, Section):
        changed = {
            name: _filled(getattr(value, name), values, f"{key}.{name}", _kind(known))
            for name, known in type(value).model_fields.items()
        }
        return value.model_copy(update=changed)
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: _filled(each, values, f"{key}.{name}", kind) for name, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_filled(each, values, key, kind) for each in value)
    if kind is None or not isinstance(value, str):
        return value
    return _substituted(value, values, key, _PLACEHOLDER if kind is _Kind.TEXT else _IN_ADDRESS)


def _substituted(
    text: str, values: Mapping[str, str | None], key: str, placeholder: re.Pattern[str]
) -> str:
    def value(found: re.Match[str]) -> str:
        if found["literal"]:
            return f"{{{found['literal']}}}"
        known = values[found["name"]]
        if known is None:
            raise ConfigurationError(
                f"`{key}` holds {{{found['name']}}}, and the run has none",
                got=text,
                hint="Give --logical-date, as in --logical-date 2013-10-01.",
            )
        return known

    return placeholder.sub(value, text)


def _kind(known: FieldInfo) -> _Kind | None:
    """Return the mark of a setting, which may be in its type at any depth."""
    marks = (mark for mark in _marks(known) if isinstance(mark, _Kind))
    return next(marks, None)


def _marks(known: FieldInfo) -> Iterator[object]:
    yield from known.metadata
    yield from _arguments(known.annotation)


def _arguments(annotation: object) -> Iterator[object]:
    yield from getattr(annotation, "__metadata__", ())
    for inner in get_args(annotation):
        yield from _arguments(inner)


def _texts(value: Any) -> Collection[str]:
    return (value,) if isinstance(value, str) else value or ()


def _names(text: str) -> list[str]:
    return [found["name"] for found in _PLACEHOLDER.finditer(text) if found["name"]]
