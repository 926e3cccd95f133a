"""Settings in layers: base < environment < task < environment variables < `--set`.

`conf/base.yaml` < `conf/<env>.yaml` < `conf/tasks/<task>.yaml` < ``PETAFIT__A__B=value`` <
``--set a.b=value``; values are YAML. Mappings are merged key by key, lists are replaced. A task
file that says ``extends: other`` is laid over that task's file.

If a layer changes a value that other settings describe, earlier layers' settings for the old value
are dropped: ``learner.name`` drops ``learner.params``, ``table.uri`` its ``format`` and
``version``, ``label.column`` its ``kind`` and ``classes``, ``dataset.name`` all its siblings;
``split.test_share`` and ``split.train`` with ``split.test`` replace each other, as do
``spark.remote`` and ``spark.master`` with ``spark.submit``. Relative paths are
relative to the current directory, whichever file contains them.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from petafit.config import yaml12
from petafit.config.files import conf_folder, environment_layers, require_folder, task_layers
from petafit.config.merging import Tree, as_assignment, as_layer, merge, sources, stack
from petafit.config.settings import Settings
from petafit.config.validation import validate
from petafit.errors import ConfigurationError

_VARIABLE = "PETAFIT__"
_BY_OPTION = {"task": "--task", "environment": "--env"}
_NO_TASK = {"task": "", "table": ""}

# Settings of place and cost; all others affect the result.
_NOT_DECISIVE: dict[str, bool | set[str]] = {
    "environment": True,
    "engine": True,
    "paths": True,
    "spark": True,
    "storage": True,
    "training": {"checkpoint_seconds"},
}


@dataclass(frozen=True)
class Resolved:
    """Settings, with the source of each.

    Attributes
    ----------
    origins : dict
        Source of each dotted key: the file, variable or option that set it, or `default`.
    """

    settings: Settings
    origins: dict[str, str]


def load_settings(
    *,
    task: str | None,
    env: str = "local",
    conf: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Resolved:
    """Merge the layers, and validate every key.

    Parameters
    ----------
    task : str or None
        A file of ``conf/tasks``, without its ending. With None the settings have no table and no
        label: enough for what only needs the environment.
    env : str
        A file of ``conf``, without its ending.
    conf : path, optional
        The folder of settings; by default ``$PETAFIT_CONF``, or ``./conf``.
    overrides : sequence of str
        ``a.b=value`` each.

    Raises
    ------
    ConfigurationError
        A missing folder, an unknown task, environment or key, a wrong value, text that is not YAML.
    """
    folder = conf_folder(conf)
    require_folder(folder)
    tasks = task_layers(folder, task) if task is not None else []
    _refuse_stages(tasks)
    layers = [
        *environment_layers(folder, env),
        *tasks,
        _variables(os.environ),
        assignments(overrides),
    ]
    _refuse_options(layers)
    named = as_layer(_NO_TASK, "no task") if task is None else as_layer({"task": task}, "--task")
    stacked = stack([named, as_layer({"environment": env}, "--env"), *layers])
    settings = validate(stacked)
    paths = (path for path, _ in leaves(settings.model_dump(mode="json")))
    return Resolved(settings, {".".join(path): stacked.source(path) for path in paths})


def settings_digest(settings: Settings) -> str:
    """Return the SHA-256 of the settings that affect a result.

    Left out are `environment`, `engine`, `paths`, `spark` and `training.checkpoint_seconds`: a run
    that resumes elsewhere, or on a larger cluster, is the same run. Of the file of `functions` its
    content counts, and not where it lies.
    """
    decisive = settings.model_dump(mode="json", exclude=_NOT_DECISIVE)
    if settings.functions is not None:
        path = Path(settings.functions)
        decisive["functions"] = (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        )
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def leaves(
    content: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every value that is not a non-empty mapping, with its path."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _variables(environ: Mapping[str, str]) -> Tree:
    """Return the layer of environment variables.

    A part of a name in upper case stands for lower case; one in mixed case for itself, as in
    ``PETAFIT__LEARNER__PARAMS__regParam``.
    """
    layer: Tree = {}
    for name in sorted(environ):
        if name.startswith(_VARIABLE):
            parts = name.removeprefix(_VARIABLE).split("__")
            path = tuple(part.lower() if part.isupper() else part for part in parts)
            value = yaml12.parse(environ[name], source=f"The variable {name}")
            layer = merge(layer, as_assignment(path, value, name))
    return layer


def assignments(overrides: Sequence[str]) -> Tree:
    """Return the layer of `--set`; of two for one key the last wins."""
    return reduce(merge, map(_override, overrides), {})


def _override(text: str) -> Tree:
    key, equals, value = text.partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise ConfigurationError(f"--set {text!r} is wrong", expected="KEY=VALUE, as in a.b=3")
    return as_assignment(path, yaml12.parse(value, source=f"--set {key}"), "--set")


def _refuse_stages(tasks: Sequence[Tree]) -> None:
    """Refuse a task that allows classes to be imported: whoever runs it decides that."""
    for layer in tasks:
        spark = layer.get("spark")
        allowed = spark.get("stages") if isinstance(spark, dict) else None
        if isinstance(allowed, dict) or (allowed is not None and allowed.value):
            raise ConfigurationError(
                f"A task cannot allow classes of stages ({sources(allowed)[0]})",
                hint="Set `spark.stages` in the environment's file.",
            )


def _refuse_options(layers: Sequence[Tree]) -> None:
    """Refuse the task and the environment in a layer, since they select the layers."""
    for layer in layers:
        for key, option in _BY_OPTION.items():
            if key in layer:
                raise ConfigurationError(
                    f"{key!r} cannot be set in {sources(layer[key])[0]}", hint=f"Give {option}."
                )
