"""Files in a folder of settings: the base, one for each environment, one for each task."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from petafit.config import yaml12
from petafit.config.merging import Tree, as_layer
from petafit.errors import ConfigurationError, did_you_mean


def conf_folder(conf: str | Path | None = None) -> Path:
    """Return the given folder, or ``$PETAFIT_CONF``, or ``./conf``; it need not exist."""
    return Path(conf or os.environ.get("PETAFIT_CONF") or "conf")


def require_folder(folder: Path) -> None:
    """Refuse a folder of settings that does not exist."""
    if not folder.is_dir():
        raise ConfigurationError(
            f"There is no folder of settings at {folder.absolute()}",
            hint="Run from the project's folder, give --conf, or set PETAFIT_CONF.",
        )


def environment_layers(folder: Path, env: str) -> Iterator[Tree]:
    """Return the base and the environment; neither the base nor `local` needs a file.

    Raises
    ------
    ConfigurationError
        An unknown environment.
    """
    base = folder / "base.yaml"
    if base.is_file():
        yield as_layer(_read(base), str(base))
    known = _names(folder) - {"base"}
    if env in known:
        path = folder / f"{env}.yaml"
        yield as_layer(_read(path), str(path))
    elif env != "local":
        raise _unknown("environment", env, folder, known | {"local"})


def task_layers(folder: Path, task: str) -> list[Tree]:
    """Return the task's file, on top of those it extends.

    Raises
    ------
    ConfigurationError
        An unknown task, or tasks that extend each other in a circle.
    """
    tasks, chain, layers = folder / "tasks", [task], []
    while True:
        path = tasks / f"{chain[-1]}.yaml"
        if chain[-1] not in _names(tasks):
            raise _unknown("task", chain[-1], tasks, _names(tasks))
        content = _beside(_read(path), path.parent)
        extended = content.pop("extends", None)
        layers.append(as_layer(content, str(path)))
        if extended is None:
            return layers[::-1]
        if not isinstance(extended, str):
            raise ConfigurationError(
                f"`extends` is wrong ({path})", expected="a task's name", got=repr(extended)
            )
        if extended in chain:
            raise ConfigurationError(
                f"Tasks extend each other in a circle: {' > '.join([*chain, extended])}"
            )
        chain.append(extended)


def _beside(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a task's settings with the queries of the files that it names, and full paths."""
    named = content.get("functions")
    if isinstance(named, str) and named.endswith(".py"):
        content["functions"] = str(folder / named)
    for section in (content.get("table"), content.get("prepare")):
        if isinstance(section, dict):
            _read_query(section, folder)
            _read_query(section.get("source"), folder)
    return content


def _read_query(section: object, folder: Path) -> None:
    if not isinstance(section, dict) or not isinstance(section.get("sql"), str):
        return
    named = section["sql"].strip()
    if named.endswith(".sql") and len(named.split()) == 1:
        section["sql"] = text_of(folder / named)


def _names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.yaml") if path.is_file()}


def _unknown(what: str, name: str, folder: Path, known: set[str]) -> ConfigurationError:
    hint = did_you_mean(Path(name).stem, known)
    if not hint.startswith("Did") and what == "task":
        hint = "`petafit init TABLE --label COLUMN` writes a task's file."
    return ConfigurationError(
        f"There is no {what} {name!r} in {folder}",
        expected=f"one of {', '.join(sorted(known))}" if known else None,
        hint=hint if hint.startswith(("Did", "`")) else "",
    )


def _read(path: Path) -> dict[str, Any]:
    content = yaml12.parse(text_of(path), source=str(path))
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{path} is wrong", expected="a mapping of settings", got=yaml12.dump(content)
        )
    return content


def text_of(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    ConfigurationError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read", got=str(error)) from error
