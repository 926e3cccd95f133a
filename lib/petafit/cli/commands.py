"""The commands: `petafit JOB --env local --task flights`."""

import inspect
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import typer

from petafit.cli import installation, learners
from petafit.cli import tables as show
from petafit.cli.command import (
    Ablate,
    AsJson,
    Budget,
    Conf,
    Env,
    ExportFolder,
    ExportTo,
    Influence,
    LogicalDate,
    Model,
    Overrides,
    RunId,
    Task,
    TaskFile,
    Verbose,
    complain,
    load,
    paths,
    set_up_logging,
)
from petafit.config.rendering import as_json, reference, render
from petafit.config.submit import submit_arguments
from petafit.config.yaml12 import dump
from petafit.errors import ConfigurationError
from petafit.models.aliases import split_reference
from petafit.models.store import ModelStore
from petafit.store.runs import Run, RunStore
from petafit.workflow.evaluate import evaluate
from petafit.workflow.explain import explain
from petafit.workflow.export import export
from petafit.workflow.init import write_task_file
from petafit.workflow.prepare import prepare
from petafit.workflow.score import score
from petafit.workflow.search import search
from petafit.workflow.train import train

app = typer.Typer(
    name="petafit",
    help="Train models on tables of any size, on Spark or without.",
    epilog="A new table: petafit init TABLE --label COLUMN, then petafit train --task NAME.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)

models = typer.Typer(help="List models and their versions; give them aliases.")
app.add_typer(models, name="models")

_SETTINGS = {
    "model": "model",
    "influence": "explain.influence",
    "to": "export.to",
    "out": "export.output",
    "ablate": "search.ablate",
    "budget": "search.budget",
    "task_file": "search.task_file",
}
"""The settings that options of some jobs stand for."""

_INTERRUPTED = "interrupted; the same --run-id goes on from here"

Alias = Annotated[str, typer.Option(help="Which alias.")]


def _add_job(name: str, job: Callable[..., Run], summary: str, **own: Any) -> None:
    """Make a job a command: all jobs take the same options.

    Parameters
    ----------
    own : annotated types
        Options of this job alone, by name; each stands for a setting, `_SETTINGS` says which.
    """

    def command(
        task: Task,
        env: Env = "local",
        overrides: Overrides = None,
        run_id: RunId = None,
        logical_date: LogicalDate = None,
        conf: Conf = None,
        as_json: AsJson = False,
        verbose: Verbose = False,
        **chosen: str | bool | None,
    ) -> None:
        set_up_logging(verbose)
        given = [
            f"{_SETTINGS[option]}={dump(value)}"
            for option, value in chosen.items()
            if value is not None
        ]
        settings = load(task, env, conf, [*(overrides or ()), *given]).settings
        _run(partial(job, settings, run_id=run_id, logical_date=logical_date), as_json)

    command.__signature__ = _with_options(inspect.signature(command), own)  # type: ignore[attr-defined]
    app.command(name, help=summary)(command)


def _with_options(shared: inspect.Signature, own: Mapping[str, Any]) -> inspect.Signature:
    """Return a signature with options of its own, after the task, instead of any keyword."""
    task, *others, _ = shared.parameters.values()
    options = (
        inspect.Parameter(name, task.kind, default=None, annotation=kind)
        for name, kind in own.items()
    )
    parameters = (task, *options, *others)
    return shared.replace(
        parameters=[each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
    )


def _run(job: Callable[[], Run], as_json: bool) -> None:
    """Run a job and show what it did."""
    try:
        run = job()
    except KeyboardInterrupt:
        raise typer.Exit(complain(_INTERRUPTED, 130)) from None
    if as_json:
        typer.echo(json.dumps(run.manifest, indent=2))
    else:
        show.run(run.manifest)


_add_job("prepare", prepare, "Make the task's table from its raw data.")
_add_job("train", train, "Fit the task's learner and publish the model.")
_options = {"budget": Budget, "ablate": Ablate, "task_file": TaskFile}
_add_job("search", search, "Race candidates in one pass, and write the best task.", **_options)
_add_job("evaluate", evaluate, "Measure a model on the task's test rows.", model=Model)
_add_job("score", score, "Write a model's predictions as a table.", model=Model)
_add_job(
    "explain",
    explain,
    "Say which partitions of the training rows help a model, and which hurt it.",
    influence=Influence,
    model=Model,
)
_add_job(
    "export",
    export,
    "Write a linear model as a pipeline of Spark ML or as ONNX, checked on rows.",
    to=ExportTo,
    out=ExportFolder,
    model=Model,
)


@app.command()
def init(
    table: Annotated[
        str,
        typer.Argument(
            help="A Parquet or Delta table (folder or URI), a file (.csv, .json, .orc, .avro), "
            "a table of Spark's catalog, or a query (.sql)."
        ),
    ],
    label: Annotated[str, typer.Option(help="The column to predict.")],
    task: Annotated[
        str | None, typer.Option(help="The new task's name; by default the table's.")
    ] = None,
    env: Env = "local",
    conf: Conf = None,
    force: Annotated[bool, typer.Option(help="Replace a task file that exists.")] = False,
    train: Annotated[
        str | None, typer.Option(help="The rows to train on, as in 'month <= 9'; needs --test.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="The rows to test on: 'month >= 10'.")] = None,
) -> None:
    """Look at a table and write its task file."""
    path = write_task_file(
        table,
        label=label,
        task=task,
        env=env,
        conf=conf,
        force=force,
        train=train,
        test=test,
    )
    typer.echo(f"Wrote {path}. Next: petafit train --task {path.stem}")


@app.command()
def config(
    env: Env = "local",
    task: Annotated[str | None, typer.Option("--task", "-t", help="Include a task.")] = None,
    overrides: Overrides = None,
    conf: Conf = None,
    as_json_: AsJson = False,
    spark_submit: Annotated[
        bool, typer.Option("--spark-submit", help="Print spark-submit's arguments instead.")
    ] = False,
    reference_: Annotated[
        bool, typer.Option("--reference", help="Print every setting there is, and what it does.")
    ] = False,
) -> None:
    """Print the merged settings, and where each comes from."""
    if reference_:
        typer.echo(reference())
        return
    resolved = load(task, env, conf, overrides)
    if spark_submit:
        typer.echo(" ".join(submit_arguments(resolved.settings)))
    elif as_json_:
        typer.echo(as_json(resolved))
    else:
        typer.echo(render(resolved))


@app.command()
def runs(env: Env = "local", conf: Conf = None, as_json: AsJson = False) -> None:
    """List runs, the newest first."""
    manifests = RunStore(paths(env, conf).runs).list()
    if as_json:
        typer.echo(json.dumps(manifests, indent=2))
    else:
        show.runs(manifests)


@models.callback(invoke_without_command=True)
def list_models(
    context: typer.Context, env: Env = "local", conf: Conf = None, as_json: AsJson = False
) -> None:
    """List models and their versions."""
    if context.invoked_subcommand is not None:
        return
    store = ModelStore(paths(env, conf).models)
    versions = store.list()
    aliases = {name: store.aliases(name) for name in {version.name for version in versions}}
    if not as_json:
        show.models(versions, aliases)
        return
    listed = [
        {**version.as_dict(), "aliases": show.aliases_of(version, aliases)} for version in versions
    ]
    typer.echo(json.dumps(listed, indent=2))


@models.command("show")
def show_model(
    model: Annotated[
        str, typer.Argument(metavar="NAME", help="The latest; or NAME@VERSION, NAME@ALIAS.")
    ],
    env: Env = "local",
    conf: Conf = None,
    as_json: AsJson = False,
) -> None:
    """Show one version: its metrics, and the largest weights of its features."""
    found = ModelStore(paths(env, conf).models).find(*split_reference(model))
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2))
    else:
        show.model(found)


@models.command()
def promote(
    model: Annotated[str, typer.Argument(metavar="NAME@VERSION", help="Or NAME@ALIAS.")],
    alias: Alias = "champion",
    env: Env = "local",
    conf: Conf = None,
) -> None:
    """Give a version an alias; NAME@ALIAS then means it."""
    name, asked = split_reference(model)
    if asked is None:
        raise ConfigurationError(
            f"Which version of {name!r} is to be promoted?",
            expected=f"NAME@VERSION, as in {name}@3",
            hint="`petafit models` lists them; NAME@latest is the latest.",
        )
    found = ModelStore(paths(env, conf).models).promote(name, asked, alias=alias)
    typer.echo(f"{name}@{alias} is version {found.version}")


@models.command()
def rollback(
    model: Annotated[str, typer.Argument(metavar="NAME", help="A model.")],
    alias: Alias = "champion",
    env: Env = "local",
    conf: Conf = None,
) -> None:
    """Give an alias back to the version that had it before."""
    found = ModelStore(paths(env, conf).models).rollback(model, alias=alias)
    typer.echo(f"{model}@{alias} is version {found.version} again")


learners.add_commands(app)
installation.add_commands(app)
