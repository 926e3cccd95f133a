"""Settings as text, for people and for programs."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from petafit.config.layers import Resolved
from petafit.config.yaml12 import dump
from petafit.messages import redact

_WIDEST_COLUMN = 60


def render(resolved: Resolved) -> str:
    """Return the settings as YAML, each with its source as a comment; secrets are hidden.

    Without secrets the text is a valid layer of settings.
    """
    lines = list(_lines(_shown(resolved), resolved.origins))
    column = max((len(text) for text, _ in lines if len(text) <= _WIDEST_COLUMN), default=0)
    return "\n".join(
        f"{text.ljust(column)}  # {origin}" if origin else text for text, origin in lines
    )


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
