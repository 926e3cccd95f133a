"""The command line: `petafit JOB --env local --task flights`."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Literal, NoReturn

import typer

from petafit.cli import tables as show
from petafit.cli.models import models
from petafit.cli.options import (
    AsJson,
    Conf,
    Env,
    LogicalDate,
    Model,
    Overrides,
    RunId,
    Task,
    Verbose,
    given,
    load,
    paths,
)
from petafit.cli.process import complain, run, set_up_logging
from petafit.config.rendering import as_json, reference, render
from petafit.config.submit import submit_arguments
from petafit.store.runs import Run, RunStore
from petafit.workflow.evaluate import evaluate
from petafit.workflow.explain import explain
from petafit.workflow.init import write_task_file
from petafit.workflow.prepare import prepare
from petafit.workflow.score import score
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

app.add_typer(models, name="models")

_INTERRUPTED = "interrupted; the same --run-id goes on from here"


def _add_job(name: str, job: Callable[..., Run], summary: str) -> None:
    """Make a job a command; all jobs take the same options."""

    @app.command(name, help=summary)
    def command(
        task: Task,
        env: Env = "local",
        overrides: Overrides = None,
        run_id: RunId = None,
        logical_date: LogicalDate = None,
        conf: Conf = None,
        as_json: AsJson = False,
        verbose: Verbose = False,
    ) -> None:
        set_up_logging(verbose)
        settings = load(task, env, conf, overrides).settings
        _run(partial(job, settings, run_id=run_id, logical_date=logical_date), as_json)


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


def _add_model_job(name: str, job: Callable[..., Run], summary: str) -> None:
    """Make a job a command that works with a published model."""

    @app.command(name, help=summary)
    def command(
        task: Task,
        model: Model = None,
        env: Env = "local",
        overrides: Overrides = None,
        run_id: RunId = None,
        logical_date: LogicalDate = None,
        conf: Conf = None,
        as_json: AsJson = False,
        verbose: Verbose = False,
    ) -> None:
        set_up_logging(verbose)
        settings = load(task, env, conf, [*(overrides or ()), *given("model", model)]).settings
        _run(partial(job, settings, run_id=run_id, logical_date=logical_date), as_json)


_add_model_job("evaluate", evaluate, "Measure a model on the task's test rows.")
_add_model_job("score", score, "Write a model's predictions as a table.")


@app.command("explain")
def run_explain(
    task: Task,
    influence: Annotated[
        Literal["partitions"] | None,
        typer.Option(help="How the loss on the test rows would change without each partition."),
    ] = None,
    model: Model = None,
    env: Env = "local",
    overrides: Overrides = None,
    run_id: RunId = None,
    logical_date: LogicalDate = None,
    conf: Conf = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Say which partitions of the training rows help a model, and which hurt it."""
    set_up_logging(verbose)
    chosen = (*given("explain.influence", influence), *given("model", model))
    settings = load(task, env, conf, [*(overrides or ()), *chosen]).settings
    _run(partial(explain, settings, run_id=run_id, logical_date=logical_date), as_json)


@app.command()
def init(
    table: Annotated[str, typer.Argument(help="A Parquet or Delta table: folder or URI.")],
    label: Annotated[str, typer.Option(help="The column to predict.")],
    task: Annotated[
        str | None, typer.Option(help="The new task's name; by default the table's.")
    ] = None,
    conf: Conf = None,
    force: Annotated[bool, typer.Option(help="Replace a task file that exists.")] = False,
) -> None:
    """Look at a table and write its task file."""
    path = write_task_file(table, label=label, task=task, conf=conf, force=force)
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


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command; exits with the code the error, if any, stands for."""
    run(app, argv)
