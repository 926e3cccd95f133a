"""The list of all settings: complete, and itself in the form of a task file."""

from collections.abc import Iterator

from petafit.config.reference import _sections, reference
from petafit.config.section import Section
from petafit.config.settings import Settings
from petafit.config.yaml12 import parse


def sections(section: type[Section]) -> Iterator[type[Section]]:
    """A section, and all below it."""
    yield section
    for setting in section.model_fields.values():
        for inner in _sections(setting.annotation):
            yield from sections(inner)


def test_every_setting_has_a_line_that_says_what_it_does() -> None:
    told = reference().splitlines()
    for section in sections(Settings):
        for name, setting in section.model_fields.items():
            lines = [
                line for line in told if line.strip().removeprefix("- ").startswith(f"{name}:")
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
