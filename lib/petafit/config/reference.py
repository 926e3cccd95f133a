"""Reference of all settings: defaults, valid values and descriptions."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from petafit.config.section import Section
from petafit.config.settings import Settings
from petafit.config.yaml12 import dump

_REQUIRED = "(to be given)"
_WIDEST_COLUMN = 50


def reference() -> str:
    """Return all settings in the form of a task file, each with a comment."""
    lines = list(_lines(Settings, ""))
    column = max(len(text) for text, comment in lines if comment and len(text) <= _WIDEST_COLUMN)
    return "\n".join(
        f"{text.ljust(column)}  # {comment}" if comment else text for text, comment in lines
    )


def _lines(section: type[Section], indent: str) -> Iterator[tuple[str, str]]:
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
            yield from _items(each, below) if _is_list(setting) else _lines(each, below)


def _items(section: type[Section], indent: str) -> Iterator[tuple[str, str]]:
    """Return the lines of a section that is an item of a list."""
    (first, comment), *others = _lines(section, f"{indent}  ")
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
