"""Commands about an installation: its compiled kernels."""

from pathlib import Path
from typing import Annotated

import typer

from petafit.compiled.target import Target
from petafit.workflow.precompile import compile_kernels

Cpu = Annotated[
    Target,
    typer.Option(
        help="The processors to compile for: this machine's own kind, or a level that all hosts "
        "have. Results are the same."
    ),
]


def compile_(
    into: Annotated[
        Path | None, typer.Option(help="The folder; by default this installation's own.")
    ] = None,
    cpu: Cpu = "native",
) -> None:
    """Compile all kernels ahead, so that jobs with this installation compile nothing."""
    done = compile_kernels(into, target=cpu)
    typer.echo(f"Compiled {done.count} kernels for {done.target} into {done.folder}")


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command("compile")(compile_)
