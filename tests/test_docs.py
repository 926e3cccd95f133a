"""The documentation's code blocks: tasks validate, Python runs on a tiny table, commands parse."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest
import typer
import yaml
from sklearn.linear_model import SGDClassifier

import petafit
from petafit.cli.commands import app
from petafit.config.settings import Settings
from petafit.spark.compatibility import frame_of
from petafit_benchmark.cli import app as benchmark_app
from tests import small

ROOT = Path(__file__).parents[1]
GENERATED = {"settings.md", "commands.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name not in GENERATED),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^    |`|\$\()((?:petafit|petafit-benchmark|make) [^`\n)]+)", re.MULTILINE)
FILE = re.compile(r"`((?:\w+/)+(?:\w+\.\w+)?)`")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def blocks(language: str) -> dict[str, str]:
    """The code blocks of a language, by page and number."""
    found: dict[str, str] = {}
    for page in PAGES:
        for name, code in BLOCK.findall(page.read_text(encoding="utf-8")):
            if name == language:
                found[f"{page.name} {len(found) + 1}"] = code
    return found


def command_lines() -> list[str]:
    """Commands of shell blocks, of indented lines, and within sentences."""
    shell = [line for code in blocks("sh").values() for line in code.splitlines()]
    prose = [line for page in PAGES for line in COMMAND.findall(page.read_text(encoding="utf-8"))]
    started = [line for line in shell if re.match(r"(petafit|petafit-benchmark|make) ", line)]
    return [line for line in (*started, *prose) if " JOB" not in line]


@pytest.mark.parametrize("code", blocks("yaml").values(), ids=blocks("yaml"))
def test_settings_validate(code: str) -> None:
    given = yaml.safe_load(code)
    is_part = isinstance(given, list)
    task = {"table": "data/t", "label": "y", "features": given} if is_part else given
    settings = Settings.model_validate({"task": "t", "environment": "local", **task})
    assert settings.label.column == task.get("label")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a task ``flights``, its model, and a run that keeps its partitions."""
    folder = tmp_path_factory.mktemp("workspace")
    content = small.table()
    day = pc.divide(pc.add(content["month"], 2), 3)
    ds.write_dataset(
        content.append_column("day", day),
        folder / "table",
        format="parquet",
        partitioning=["day"],
        partitioning_flavor="hive",
    )
    task = {
        "table": str(folder / "table"),
        "label": "late",
        "features": [{"numeric": "speed"}, {"categorical": "city"}],
        "hash_bits": 12,
    }
    (folder / "conf" / "tasks").mkdir(parents=True)
    (folder / "conf" / "base.yaml").write_text("engine: local\n")
    (folder / "conf" / "local.yaml").write_text("{}\n")
    (folder / "conf" / "tasks" / "flights.yaml").write_text(yaml.safe_dump(task))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        petafit.train(petafit.load_settings(task="flights").settings)
        kept = ["training.keep_summaries=day", "training.merge=evidence"]
        petafit.train(
            petafit.load_settings(task="flights", overrides=kept).settings, run_id="RUN-ID"
        )
    return folder


IN_SPARK = "spark.md"
WITHOUT_SPARK = {k: v for k, v in blocks("python").items() if not k.startswith(IN_SPARK)}


@pytest.mark.parametrize("code", WITHOUT_SPARK.values(), ids=WITHOUT_SPARK)
def test_python_runs(code: str, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)
    names = {
        "petafit": petafit,
        "settings": petafit.load_settings(task="flights").settings,
        "spark": None,
        "frame": small.table(100).to_pandas(),
        "classifier": SGDClassifier(),
    }
    exec(code, names)


def test_python_runs_in_spark(
    workspace: Path, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    flights = frame_of(spark, small.table(100))
    flights.createOrReplaceTempView("flights")
    flights.write.parquet(str(tmp_path / "in"))
    names = {
        "spark": spark,
        "settings": petafit.load_settings(task="flights").settings,
        "schema": flights.schema,
        "incoming": str(tmp_path / "in"),
        "outgoing": str(tmp_path / "out"),
    }
    for name, code in blocks("python").items():
        if name.startswith(IN_SPARK):
            exec(code, names)
    assert spark.read.parquet(str(tmp_path / "out")).count() == 100


def test_commands_and_their_options_exist() -> None:
    commands = {
        "petafit": typer.main.get_command(app),
        "petafit-benchmark": typer.main.get_command(benchmark_app),
    }
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    seen = set()
    for line in command_lines():
        program, *words = shlex.split(re.sub(r" {2,}.*", "", line), comments=True)
        if program == "make":
            assert words[0] in targets, line
        else:
            try:
                parse(commands[program], words)
            except click.UsageError as error:
                pytest.fail(f"{line}: {error.format_message()}")
        seen.add((program, words[0]))
    used = {name for program, name in seen if program == "petafit"}
    jobs = {"prepare", "train", "evaluate", "score", "explain", "export", "search"}
    assert used >= {"init", "models", "config", *jobs}
    assert {program for program, _ in seen} == {"petafit", "petafit-benchmark", "make"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_exist(page: Path) -> None:
    named = FILE.findall(page.read_text(encoding="utf-8"))
    roots = (ROOT, ROOT / "lib" / "petafit", ROOT / "lib" / "petafit_benchmark", ROOT / "conf")
    made = {"docs/_build/", "benchmarks/benchmark.json", "runs/"}
    missing = {path for path in named if not any((root / path).exists() for root in roots)}
    assert missing <= made


def parse(command: click.Command, words: list[str]) -> None:
    """Parse a command line as the command would, without running it."""
    context = command.make_context(command.name, list(words))
    if isinstance(command, click.Group):
        _, inner, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert inner is not None
        parse(inner, rest)
