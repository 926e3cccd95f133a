"""The documentation's code blocks: tasks validate, commands and their options exist."""

import re
from pathlib import Path

import pytest
import typer
import yaml

from petafit.cli import app
from petafit.config.settings import Settings

ROOT = Path(__file__).parents[1]
GENERATED = {"settings.md", "commands.md"}
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in GENERATED),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    petafit .*$", re.MULTILINE)


def blocks(language: str) -> list[tuple[str, str]]:
    return [
        (page.name, code)
        for page in PAGES
        for found, code in BLOCK.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


def command_lines() -> list[str]:
    shell = [line for _, code in blocks("sh") for line in code.splitlines()]
    indented = INDENTED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    return [line for line in (*shell, *indented) if line.strip().startswith("petafit ")]


@pytest.mark.parametrize(("page", "code"), blocks("yaml"))
def test_settings_validate(page: str, code: str) -> None:
    given = yaml.safe_load(code)
    is_part = isinstance(given, list)
    task = {"table": "data/t", "label": "y", "features": given} if is_part else given
    settings = Settings.model_validate({"task": "t", "environment": "local", **task})
    assert settings.label.column == task["label"]


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_compiles_and_names_exist(page: str, code: str) -> None:
    import petafit

    compile(code, page, "exec")
    for name in re.findall(r"petafit\.([a-z_]+)\(", code):
        assert hasattr(petafit, name)


def test_commands_and_their_options_exist() -> None:
    root = typer.main.get_command(app)
    seen = set()
    for line in command_lines():
        _, name, *words = re.sub(r"\s{2,}.*|#.*", "", line.strip()).split()
        command = root.commands[name]  # type: ignore[attr-defined]
        if hasattr(command, "commands") and words and words[0] in command.commands:
            command = command.commands[words[0]]
        options = {opt for param in command.params for opt in param.opts}
        assert {w.split("=")[0] for w in words if w.startswith("--")} <= options
        seen.add(name)
    assert seen >= {"init", "train", "evaluate", "score", "explain", "models", "prepare"}
