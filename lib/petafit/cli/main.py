"""The command line: `petafit JOB --env local --task flights`."""

import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer

from petafit.benchmark.page import FILE as PAGE
from petafit.benchmark.report import show as show_record
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
from petafit.config.reference import reference
from petafit.config.rendering import as_json, render
from petafit.config.submit import submit_arguments
from petafit.errors import PetafitError
from petafit.messages import printable
from petafit.store.runs import Run, RunStore
from petafit.workflow.benchmark import benchmark
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
        _set_up_logging(verbose)
        settings = load(task, env, conf, overrides).settings
        _run(partial(job, settings, run_id=run_id, logical_date=logical_date), as_json)


def _run(job: Callable[[], Run], as_json: bool) -> None:
    """Run a job and show what it did."""
    try:
        run = job()
    except KeyboardInterrupt:
        raise typer.Exit(_complain(_INTERRUPTED, 130)) from None
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
        _set_up_logging(verbose)
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
    _set_up_logging(verbose)
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


@app.command("benchmark")
def run_benchmark(
    task: Task = "clicks",
    suite: Annotated[str, typer.Option(help="clicks, text, scale, merging or shards.")] = "clicks",
    contenders: Annotated[
        str | None, typer.Option(help="Measure these again, as in a,b, and keep the others.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1_000, help="Rows of the table; by default the suite's own.")
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="A small table without the slowest contenders, for a first look.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Gets benchmark.json and .html.")] = Path(
        "benchmarks"
    ),
    env: Env = "local",
    overrides: Overrides = None,
    conf: Conf = None,
    verbose: Verbose = False,
) -> None:
    """Measure petafit and its peers on the same table."""
    _set_up_logging(verbose)
    settings = load(task, env, conf, overrides).settings
    chosen = contenders.split(",") if contenders else ()
    try:
        record = benchmark(
            settings, suite=suite, contenders=chosen, rows=rows, quick=quick, output=output
        )
    except KeyboardInterrupt:
        raise typer.Exit(_complain(f"interrupted; {output} has what was measured", 130)) from None
    show_record(record, suite)
    typer.echo(f"\nThe page: {output / PAGE}")


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
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=None if argv is None else list(argv))
    except PetafitError as error:
        logging.getLogger("petafit").debug("where it was raised", exc_info=error)
        sys.exit(_complain(error, error.exit_code))
    sys.exit(0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """A scheduler's SIGTERM ends a run as Ctrl-C does: recorded, with nothing half-written."""
    raise KeyboardInterrupt


def _complain(what: object, code: int) -> int:
    typer.secho(f"petafit: {what}", err=True, fg="red" if sys.stderr.isatty() else None)
    return code


class OneLine(logging.Formatter):
    """Makes of each message one line without secrets; a traceback keeps its lines, without them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, logging's own name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).splitlines()))


def _set_up_logging(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("petafit").setLevel(logging.DEBUG if verbose else logging.INFO)
