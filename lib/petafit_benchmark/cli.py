"""The command ``petafit-benchmark``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from petafit.cli.command import (
    Conf,
    Env,
    Overrides,
    Task,
    Verbose,
    complain,
    load,
    run,
    set_up_logging,
)
from petafit_benchmark.page import FILE as PAGE
from petafit_benchmark.run import benchmark
from petafit_benchmark.terminal import show

app = typer.Typer(name="petafit-benchmark", pretty_exceptions_enable=False, add_completion=False)


@app.command()
def measure(
    task: Task = "clicks",
    suite: Annotated[
        str, typer.Option(help="clicks, text, trees, scale, merging or shards.")
    ] = "clicks",
    contenders: Annotated[
        str | None,
        typer.Option(help="Measure only these, as in a,b; keep the results of the others."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1_000, help="Rows of the table, by default the suite's.")
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="Use a small table and leave out the slowest contenders.")
    ] = False,
    output: Annotated[Path, typer.Option(help="Folder for benchmark.json and .html.")] = Path(
        "benchmarks"
    ),
    env: Env = "local",
    overrides: Overrides = None,
    conf: Conf = None,
    verbose: Verbose = False,
) -> None:
    """Measure petafit and its peers on the same table."""
    set_up_logging(verbose)
    settings = load(task, env, conf, overrides).settings
    chosen = contenders.split(",") if contenders else ()
    try:
        record = benchmark(
            settings, suite=suite, contenders=chosen, rows=rows, quick=quick, output=output
        )
    except KeyboardInterrupt:
        raise typer.Exit(complain(f"interrupted; {output} has the results so far", 130)) from None
    show(record, suite)
    typer.echo(f"\nThe page: {output / PAGE}")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command, and exit with the exit code of its error, if any."""
    run(app, argv)
