"""The options that commands share, and the settings they lead to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from petafit.config.layers import Resolved, load_settings
from petafit.config.settings import Paths
from petafit.config.yaml12 import dump

Task = Annotated[str, typer.Option("--task", "-t", help="A file in conf/tasks, by its name.")]
Env = Annotated[str, typer.Option("--env", "-e", help="A file in conf, by its name.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one setting; repeatable."),
]
Conf = Annotated[
    Path | None,
    typer.Option(help="The folder of settings; by default $PETAFIT_CONF, or ./conf."),
]
RunId = Annotated[str | None, typer.Option(help="Names the run; the same id again resumes it.")]
LogicalDate = Annotated[
    str | None,
    typer.Option(help="The date the run stands for, as 2013-10-01; {logical_date} in settings."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also say why and how.")]
Model = Annotated[
    str | None,
    typer.Option(help="Its name, NAME@VERSION or NAME@ALIAS; by default the task's latest."),
]


def load(
    task: str | None, env: str, conf: Path | None, overrides: Sequence[str] | None = None
) -> Resolved:
    """The settings that the options ask for."""
    return load_settings(task=task, env=env, conf=conf, overrides=overrides or ())


def given(key: str, value: str | None) -> list[str]:
    """The override that an option stands for, if it was given."""
    return [] if value is None else [f"{key}={dump(value)}"]


def paths(env: str, conf: Path | None) -> Paths:
    """Where an environment has its runs and models."""
    return load(None, env, conf).settings.paths
