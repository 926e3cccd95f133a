"""Settings that depend on the date: `{logical_date}` stands for the logical date of the run.

Only a name in braces is a placeholder; other braces are literal, and ``{{name}}`` is the text
``{name}``.
"""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from petafit.config.section import Names
from petafit.errors import ConfigurationError, did_you_mean

if TYPE_CHECKING:
    from petafit.config.settings import Settings

_NAMES = ("logical_date",)
_WITH_PLACEHOLDERS = {
    "table": ("filter",),
    "split": ("train", "validation", "test"),
    "score": ("table", "output"),
}
_PLACEHOLDER = re.compile(r"\{\{(?P<literal>[A-Za-z_][\w -]*)\}\}|\{(?P<name>[A-Za-z_][\w -]*)\}")


def _check(value: Any) -> Any:
    for text in (value,) if isinstance(value, str) else value or ():
        for name in _names(text):
            if name not in _NAMES:
                raise ValueError(
                    f"{{{name}}} stands for nothing; {did_you_mean(name, _NAMES)} "
                    f"Text in braces is written {{{{{name}}}}}"
                )
    return value


Template = Annotated[str, AfterValidator(_check)]
"""Text that may contain placeholders."""

Templates = Annotated[Names, AfterValidator(_check)]
"""One or several texts that may contain placeholders."""


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
    changed = {}
    for name in sections:
        section = getattr(settings, name)
        values = {key: getattr(section, key) for key in _WITH_PLACEHOLDERS[name]}
        filled = {k: _filled(value, logical_date, f"{name}.{k}") for k, value in values.items()}
        changed[name] = section.model_copy(update=filled)
    return settings.model_copy(update=changed)


def is_unfilled(text: str) -> bool:
    """Return whether a text still has a placeholder: its section is not read by the job."""
    return not set(_names(text)).isdisjoint(_NAMES)


def _filled(value: Any, logical_date: str | None, key: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_filled(each, logical_date, key) for each in value)
    if value is None:
        return None
    if logical_date is None and _names(value):
        raise ConfigurationError(
            f"`{key}` holds {{logical_date}}, and the run has none",
            got=value,
            hint="Give --logical-date, as in --logical-date 2013-10-01.",
        )
    return _PLACEHOLDER.sub(
        lambda found: f"{{{found['literal']}}}" if found["literal"] else str(logical_date), value
    )


def _names(text: str) -> list[str]:
    return [found["name"] for found in _PLACEHOLDER.finditer(text) if found["name"]]
