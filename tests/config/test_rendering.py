"""Settings as text."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from petafit.config.layers import load_settings
from petafit.config.rendering import _sections, as_json, reference, render
from petafit.config.section import Section
from petafit.config.settings import Settings
from petafit.config.yaml12 import parse

Write = Callable[[str, str], Path]

TASK = """
table: data/mine
label: {column: y, classes: ['1', 'no', "a: b # c"]}
features:
- numeric: [a, "b c"]
  impute: 1e-6
- cross: [[a, b]]
learner: {name: sklearn.SGDClassifier, params: {alpha: 1e-6, tol: null, loss: log_loss}}
contract: {columns: {"odd: name": {min: 0}}}
"""


def test_printed_settings_are_a_valid_layer(write: Write) -> None:
    write("tasks/mine.yaml", TASK)
    resolved = load_settings(task="mine", overrides=["spark.submit.spark.driver.memory=4g"])
    assert Settings.model_validate(parse(render(resolved), source="test")) == resolved.settings


def test_each_value_names_its_source(write: Write) -> None:
    write("tasks/mine.yaml", TASK)
    lines = render(load_settings(task="mine", overrides=["training.rounds=3"])).splitlines()
    by_key = {line.split(":")[0].strip(): line for line in lines}
    assert by_key["rounds"].endswith("# --set")
    assert by_key["features"].endswith("# conf/tasks/mine.yaml")
    assert by_key["alpha"].endswith("# conf/tasks/mine.yaml")
    assert by_key["hash_bits"].endswith("# default")
    assert by_key["training"] == "training:"


def test_secrets_are_hidden(write: Write) -> None:
    overrides = ["table=s3://id:hunter2@b/x", "spark.submit.spark.hadoop.fs.s3a.secret.key=hunter2"]
    resolved = load_settings(task="mine", overrides=overrides)
    assert "hunter2" not in render(resolved)
    assert "hunter2" not in as_json(resolved)


def test_the_machine_form_has_settings_and_origins(write: Write) -> None:
    content = json.loads(as_json(load_settings(task="mine")))
    assert content["settings"]["table"]["uri"] == "data/mine"
    assert content["origins"]["table.uri"] == "conf/tasks/mine.yaml"


def sections(section: type[Section]) -> Iterator[type[Section]]:
    """A section, and all below it."""
    yield section
    for setting in section.model_fields.values():
        for inner in _sections(setting.annotation):
            yield from sections(inner)


def test_every_setting_has_a_description() -> None:
    printed = reference().splitlines()
    for section in sections(Settings):
        for name, setting in section.model_fields.items():
            lines = [
                line for line in printed if line.strip().removeprefix("- ").startswith(f"{name}:")
            ]
            assert lines
            if not _sections(setting.annotation):
                assert setting.description, f"{section.__name__}.{name}"
                assert any(line.endswith(setting.description) for line in lines)


def test_defaults_and_choices_are_those_of_the_settings() -> None:
    text = reference()
    assert "auto | stacked | mean | touched | evidence; how" in text
    training = text[text.index("training:") : text.index("\nmodel:")]
    defaults = parse(training, source="the reference")["training"]
    assert Settings(task="t", table="t", label="y", training=defaults) == Settings(
        task="t", table="t", label="y"
    )
