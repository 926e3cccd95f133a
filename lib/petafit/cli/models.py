"""`petafit models`: list published models, and give their versions aliases."""

import json
from typing import Annotated

import typer

from petafit.cli import tables as show
from petafit.cli.options import AsJson, Conf, Env, paths
from petafit.errors import ConfigurationError
from petafit.models.aliases import split_reference
from petafit.models.store import ModelStore

models = typer.Typer(help="List models and their versions; give them aliases.")

Alias = Annotated[str, typer.Option(help="Which alias.")]


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
    told = [
        {
            **version.as_dict(),
            "aliases": show.aliases_of(version, aliases),
        }
        for version in versions
    ]
    typer.echo(json.dumps(told, indent=2))


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
