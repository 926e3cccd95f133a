"""The command `petafit learners`: what can be trained, and its parameters."""

import json
from typing import Annotated

import typer

from petafit.cli import tables as show
from petafit.cli.command import AsJson
from petafit.learners.registry import documentation, learner_names


def learners(
    name: Annotated[
        str | None, typer.Argument(help="Show this learner's parameters.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List all learners, or the parameters of one with their defaults."""
    if name is None:
        summaries = {each: documentation(each)[0] for each in learner_names()}
        if as_json:
            typer.echo(json.dumps(summaries, indent=2))
        else:
            show.learners(summaries)
        return
    summary, parameters = documentation(name)
    described = [each.as_dict() for each in parameters]
    if as_json:
        found = {"name": name, "summary": summary, "parameters": described}
        typer.echo(json.dumps(found, indent=2))
    else:
        show.learner(name, summary, described)


def add_commands(app: typer.Typer) -> None:
    """Add the command of this module to the command line."""
    app.command("learners")(learners)
