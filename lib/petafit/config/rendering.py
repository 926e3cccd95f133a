"""Settings as text: for people, for programs, and for spark-submit."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from petafit.config.layers import Resolved
from petafit.config.redaction import redact
from petafit.config.settings import Settings
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError

_WIDEST_COLUMN = 60


def render(resolved: Resolved) -> str:
    """The settings as YAML, each with its source as a comment; secrets are hidden.

    Without secrets the text is a layer of settings itself.
    """
    lines = list(_lines(_shown(resolved), resolved.origins))
    column = max((len(text) for text, _ in lines if len(text) <= _WIDEST_COLUMN), default=0)
    return "\n".join(
        f"{text.ljust(column)}  # {origin}" if origin else text for text, origin in lines
    )


def as_json(resolved: Resolved) -> str:
    """``{"settings": ..., "origins": ...}``; secrets are hidden."""
    return json.dumps({"settings": _shown(resolved), "origins": resolved.origins}, indent=2)


def submit_arguments(settings: Settings) -> list[str]:
    """What spark-submit has to be told, as words that need no quoting in a shell.

    Raises
    ------
    ConfigurationError
        A value with white space, which ``spark-submit $(petafit config --spark-submit)`` would
        tear apart.
    """
    master = ["--master", settings.spark.master] if settings.spark.master else []
    pairs = [f"{key}={_spark_text(value)}" for key, value in settings.spark.submit.items()]
    for pair in pairs:
        if pair.split() != [pair]:
            raise ConfigurationError(
                f"spark.submit.{pair.partition('=')[0]} has white space in it",
                hint="Shells split it: put it into spark-defaults.conf, or give it yourself.",
            )
    return [*master, *(word for pair in pairs for word in ("--conf", pair))]


def _shown(resolved: Resolved) -> dict[str, Any]:
    shown: dict[str, Any] = redact(resolved.settings.model_dump(mode="json"))
    return shown


def _lines(
    content: Mapping[str, Any], origins: Mapping[str, str], *above: str
) -> Iterator[tuple[str, str]]:
    """Lines of YAML, each with its source, or with none where others tell it."""
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


def _spark_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
