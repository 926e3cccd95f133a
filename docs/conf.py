"""Sphinx configuration; the reference of settings and commands is written from the code."""

from pathlib import Path

import click
import typer

from petafit.cli.commands import app
from petafit.config.rendering import reference

project = "petafit"
copyright = "the petafit developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
html_theme = "furo"
exclude_patterns = ["_build"]
autodoc_typehints = "none"
napoleon_google_docstring = False
# Names in numpydoc type lines such as "path, optional" are prose, not references.
napoleon_use_param = False
napoleon_use_rtype = False

_GENERATED = Path(__file__).parent / "reference"


def _write_settings() -> None:
    text = f"# Settings\n\nAll settings with defaults and choices.\n\n```yaml\n{reference()}\n```\n"
    (_GENERATED / "settings.md").write_text(text)


def _write_commands() -> None:
    root = typer.main.get_command(app)
    context = click.Context(root, info_name="petafit")
    lines = ["# Commands", ""]
    for name, command in root.commands.items():
        inner = click.Context(command, info_name=name, parent=context)
        lines += [f"## petafit {name}", "", command.get_short_help_str(200), ""]
        for option in command.get_params(inner):
            if isinstance(option, click.Option) and option.help:
                lines.append(f"- `{', '.join(option.opts)}`: {option.help}")
        lines.append("")
    (_GENERATED / "commands.md").write_text("\n".join(lines))


_write_settings()
_write_commands()
