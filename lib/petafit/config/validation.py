"""Validation of merged layers, with errors that name the key, its source and the remedy."""

import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from petafit.config.feature_groups import FEATURE_KINDS
from petafit.config.merging import Leaf, Stacked, Tree, sources
from petafit.config.section import Section
from petafit.config.settings import Settings
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError, did_you_mean
from petafit.messages import redact

_EXPECTED = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "model": "a mapping",
    "string": "text",
    "tuple": "a list",
}
_LONGEST_SHOWN = 80

Place = tuple[str | int, ...]


def validate(stacked: Stacked) -> Settings:
    """Convert merged layers to settings.

    Raises
    ------
    ConfigurationError
        Names each wrong key with its source, the expected and the actual value.
    """
    content = stacked.plain()
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise _joined(_complaints(error.errors(), content, stacked.tree)) from error


def _complaints(
    errors: Sequence[ErrorDetails], content: Mapping[str, Any], tree: Tree
) -> list[ConfigurationError]:
    """Return one message for each wrong key, combining the branches of a union."""
    grouped: dict[Place, list[ErrorDetails]] = {}
    for error in errors:
        grouped.setdefault(_place(error, content), []).append(error)
    return [
        _complaint(place, found, content, tree)
        for place, found in grouped.items()
        if not any(other[: len(place)] == place != other for other in grouped)
    ]


def _place(error: ErrorDetails, content: Any) -> Place:
    """Return an error's path in the settings as written: pydantic includes branches of unions."""
    place: list[str | int] = []
    for part in error["loc"]:
        inside = isinstance(content, Mapping) and part in content
        if inside or (isinstance(content, list | tuple) and isinstance(part, int)):
            content = content[part]
            place.append(part)
    if error["type"] == "missing":
        place.append(error["loc"][-1])
    elif error["type"].startswith("union_tag"):
        place.append(error["ctx"]["discriminator"].strip("'"))
    return tuple(place)


def _complaint(
    place: Place, errors: Sequence[ErrorDetails], content: Mapping[str, Any], tree: Tree
) -> ConfigurationError:
    key, kind = ".".join(map(str, place)), errors[0]["type"]
    origin = _origin(place, tree)
    if kind == "extra_forbidden":
        return ConfigurationError(
            f"Unknown setting {key!r}{origin}", hint=_other_keys(place, content)
        )
    if kind in ("missing", "union_tag_not_found"):
        hint = f"Add it to the task file, or give --set {key}=VALUE."
        return ConfigurationError(f"The setting {key!r} is missing", hint=hint)
    if kind == "value_error":
        reason = errors[0]["msg"].removeprefix("Value error, ")
        return ConfigurationError(f"{key or 'The settings do not fit together'}: {reason}{origin}")
    expected = list(dict.fromkeys(map(_expected, errors)))
    return ConfigurationError(
        f"The setting {key!r} is wrong{origin}",
        expected=" or ".join(expected),
        got=_shown(errors[0].get("ctx", {}).get("tag", errors[0]["input"]), key),
        hint=_hint(errors),
    )


def _origin(place: Place, tree: Tree) -> str:
    """Return ` (conf/base.yaml)`: the sources of the value at a path."""
    node: Leaf | Tree = tree
    for part in place:
        if isinstance(node, Leaf) or part not in node:
            break
        node = node[str(part)]
    return f" ({', '.join(sources(node))})" if place else ""


def _expected(error: ErrorDetails) -> str:
    if error["type"] == "union_tag_invalid":
        return f"one of {error['ctx']['expected_tags']}"
    kind, _, reason = error["type"].partition("_")
    if kind in _EXPECTED and reason in ("type", "attributes_type", "parsing", "from_float"):
        return _EXPECTED[kind]
    said = error["msg"].removeprefix("Input should be ")
    return f"a value {said}" if said.startswith(("greater", "less")) else said


def _hint(errors: Sequence[ErrorDetails]) -> str:
    kind, given = errors[0]["type"], errors[0]["input"]
    if kind == "feature_kind":
        return did_you_mean(next(iter(given)), FEATURE_KINDS) if _is_filled(given) else ""
    if kind == "union_tag_invalid":
        return did_you_mean(errors[0]["ctx"]["tag"], _quoted(errors[0]["ctx"]["expected_tags"]))
    if _is_filled(given) and any(error["type"] == "tuple_type" for error in errors):
        return "A list is given whole; its parts have no keys."
    literals = (error["ctx"]["expected"] for error in errors if error["type"] == "literal_error")
    choices = [choice for text in literals for choice in _quoted(text)]
    hint = did_you_mean(given, choices) if isinstance(given, str) else ""
    return hint if hint.startswith("Did") else ""  # all choices are listed as expected


def _is_filled(content: object) -> bool:
    return isinstance(content, Mapping) and bool(content)


def _other_keys(place: Place, content: Mapping[str, Any]) -> str:
    """Suggest a key similar to an unknown one: a sibling, or the same key elsewhere."""
    key = str(place[-1])
    if place[0] == "features" and key in FEATURE_KINDS:
        return f"A feature group has one kind: give {key!r} a group of its own."
    beside = {name for model in _models(place[:-1], content) for name in model.model_fields}
    hint = did_you_mean(key, beside)
    elsewhere = [
        known
        for known in _known_keys(Settings)
        if known.endswith(f".{key}") and not known.startswith(f"{place[0]}.")
    ]
    if elsewhere and not hint.startswith("Did"):
        return f"Did you mean {' or '.join(map(repr, elsewhere))}?"
    return hint


def _models(place: Place, content: Any) -> set[type[Section]]:
    """Return the possible sections at a path, given its content."""
    models: set[type[Section]] = {Settings}
    for part in place:
        content = content[part]
        fields = [model.model_fields[part] for model in models if part in model.model_fields]
        if fields:
            models = {m for known in fields for m in _sections(known.annotation)}
        models = {model for model in models if _fits(model, content)} or models
    return models


def _sections(annotation: Any) -> Iterable[type[Section]]:
    """Return the sections in a type."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _sections(part)


def _fits(model: type[Section], content: Any) -> bool:
    """Return whether a mapping has a section's required keys, which identify union branches."""
    if not isinstance(content, Mapping):
        return False
    required = {
        n: known.annotation for n, known in model.model_fields.items() if known.is_required()
    }
    return all(
        name in content
        and (typing.get_origin(kind) is not Literal or content[name] in typing.get_args(kind))
        for name, kind in required.items()
    )


def _known_keys(model: type[Section], prefix: str = "") -> Iterable[str]:
    for name, known in model.model_fields.items():
        yield f"{prefix}{name}"
        for section in _sections(known.annotation):
            yield from _known_keys(section, f"{prefix}{name}.")


def _quoted(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


def _shown(value: object, key: str) -> str:
    text = dump(redact(value, key=key))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _joined(complaints: Sequence[ConfigurationError]) -> ConfigurationError:
    if len(complaints) == 1:
        return complaints[0]
    return ConfigurationError(
        f"{len(complaints)} settings are wrong:", details=[str(found) for found in complaints]
    )
