"""Settings as text: the merged ones with the source of each, and the reference of all there are."""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from petafit.config.layers import Resolved
from petafit.config.section import Section
from petafit.config.settings import Settings
from petafit.config.yaml12 import dump
from petafit.messages import redact

_REQUIRED = "(to be given)"
_WIDEST_VALUE, _WIDEST_SETTING = 60, 50
"""Length of a line up to which comments are aligned: of merged settings, of the reference."""


def render(resolved: Resolved) -> str:
    """Return the settings as YAML, each with its source as a comment; secrets are hidden.

    Without secrets the text is a valid layer of settings.
    """
    lines = list(_lines(_shown(resolved), resolved.origins))
    widths = (len(text) for text, _ in lines)
    return _aligned(lines, max((width for width in widths if width <= _WIDEST_VALUE), default=0))


def as_json(resolved: Resolved) -> str:
    """Return ``{"settings": ..., "origins": ...}``; secrets are hidden."""
    return json.dumps({"settings": _shown(resolved), "origins": resolved.origins}, indent=2)


def _shown(resolved: Resolved) -> dict[str, Any]:
    shown: dict[str, Any] = redact(resolved.settings.model_dump(mode="json"))
    return shown


def _lines(
    content: Mapping[str, Any], origins: Mapping[str, str], *above: str
) -> Iterator[tuple[str, str]]:
    """Yield lines of YAML with sources, omitted where nested lines have them."""
    indent = "  " * len(above)
    for key, value in content.items():
        name, origin = f"{indent}{dump(key)}:", origins.get(".".join((*above, key)), "")
        if isinstance(value, Mapping) and value:
            yield name, ""
            yield from _lines(value, origins, *above, key)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield name, origin
            yield from ((f"{indent}- {dump(item)}", "") for item in value)
        else:
            yield f"{name} {dump(value)}", origin


def reference() -> str:
    """Return all settings in the form of a task file, each with a comment."""
    lines = list(_described(Settings, ""))
    widths = (len(text) for text, comment in lines if comment)
    return _aligned(lines, max(width for width in widths if width <= _WIDEST_SETTING))


def _aligned(lines: Iterable[tuple[str, str]], column: int) -> str:
    """Join lines with their comments, which begin in this column if a line leaves room."""
    return "\n".join(
        f"{text.ljust(column)}  # {comment}" if comment else text for text, comment in lines
    )


def _described(section: type[Section], indent: str) -> Iterator[tuple[str, str]]:
    """Yield a line for each setting, with its description."""
    for name, setting in section.model_fields.items():
        inner, below = _sections(setting.annotation), f"{indent}  "
        if not inner:
            yield f"{indent}{name}: {_default(setting)}", _meaning(setting)
            continue
        alternatives = len(inner) > 1
        yield f"{indent}{name}:", "" if alternatives else setting.description or _summary(inner[0])
        if get_origin(setting.annotation) is dict:
            yield f"{below}COLUMN:", _summary(inner[0])
            below += "  "
        for each in inner:
            if alternatives:
                yield f"{below}# {_summary(each)}", ""
            yield from _items(each, below) if _is_list(setting) else _described(each, below)


def _items(section: type[Section], indent: str) -> Iterator[tuple[str, str]]:
    """Return the lines of a section that is an item of a list."""
    (first, comment), *others = _described(section, f"{indent}  ")
    yield f"{indent}- {first.lstrip()}", comment
    yield from others


def _is_list(setting: FieldInfo) -> bool:
    return any(get_origin(inner) is tuple for inner in get_args(setting.annotation))


def _sections(annotation: Any) -> list[type[Section]]:
    """Return the sections in a setting's type, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]  # type: ignore[list-item]
    return [found for inner in get_args(annotation) for found in _sections(inner)]


def _default(setting: FieldInfo) -> str:
    choices = list(_choices(setting.annotation))
    if len(choices) == 1 and setting.is_required():
        return dump(choices[0])
    default = setting.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return _REQUIRED
    return dump(list(default) if isinstance(default, tuple) else default)


def _meaning(setting: FieldInfo) -> str:
    """Return the choices, if there are several, and the description."""
    choices = list(map(str, _choices(setting.annotation)))
    listed = [" | ".join(choices)] if len(choices) > 1 else []
    return "; ".join([*listed, setting.description or ""])


def _choices(annotation: Any) -> Iterator[object]:
    """Return the literals in a setting's type."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif get_origin(annotation) in (Union, UnionType, Annotated):
        for inner in get_args(annotation):
            yield from _choices(inner)


def _summary(section: type[Section]) -> str:
    return (section.__doc__ or "").splitlines()[0].rstrip(".")
