"""The settings this project ships."""

from pathlib import Path

import pytest

from petafit.config.layers import load_settings
from petafit.config.submit import submit_arguments
from petafit.table.filters.predicate import parse

CONF = Path(__file__).parents[2] / "conf"
TASKS = sorted(path.stem for path in (CONF / "tasks").glob("*.yaml"))
ENVIRONMENTS = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "base")


def test_the_demonstrations_are_there() -> None:
    assert {"flights", "clicks", "texts"} <= set(TASKS)
    assert {"local", "cluster"} <= set(ENVIRONMENTS)


@pytest.mark.parametrize("env", ENVIRONMENTS)
@pytest.mark.parametrize("task", TASKS)
def test_every_task_loads_in_every_environment(task: str, env: str) -> None:
    settings = load_settings(task=task, env=env, conf=CONF).settings
    assert settings.task == task
    assert settings.spark.remote or submit_arguments(settings)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_training_and_test_rows(task: str) -> None:
    split = load_settings(task=task, conf=CONF).settings.split
    assert parse(split.train).columns
    assert parse(split.test).columns
