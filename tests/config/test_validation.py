"""Wrong settings: the message names the key, its source, what was expected, and the way out."""

from collections.abc import Callable
from pathlib import Path

import pytest

from petafit.config.layers import load_settings
from petafit.errors import ConfigurationError

Write = Callable[[str, str], Path]


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(task="mine", overrides=overrides)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainning.rounds=2", "Unknown setting 'trainning' (--set). Did you mean 'training'?"),
        ("training.round=2", "Unknown setting 'training.round' (--set). Did you mean 'rounds'?"),
        ("shards=2", "Unknown setting 'shards' (--set). Did you mean 'training.shards'?"),
        (
            "dataset={name: clicks, row: 3}",
            "Unknown setting 'dataset.row' (--set). Did you mean 'rows'",
        ),
        ("contract.columns.a.minn=1", "'contract.columns.a.minn' (--set). Did you mean 'min'?"),
        ("features=[{numeric: a, scal: none}]", "'features.0.scal' (--set). Did you mean 'scale'?"),
        ("features=[{categorical: a, scale: none}]", "Choose one of 'categorical', 'min_count'."),
        ("features=[{numeric: a, categorical: b}]", "give 'categorical' a group of its own"),
    ],
)
def test_an_unknown_key(write: Write, override: str, message: str) -> None:
    assert message in refusal(override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.rounds=x", "'training.rounds' is wrong (--set); expected a whole number; got x"),
        ("training.rounds=1.5", "expected a whole number; got 1.5"),
        ("training.rounds=0", "expected a value greater than or equal to 1; got 0"),
        ("hash_bits=99", "expected a value less than or equal to 30; got 99"),
        ("weight=3", "expected text; got 3"),
        ("training=fast", "'training' is wrong (--set); expected a mapping; got fast"),
        ("table.filter=3", "expected a list; got 3"),
        ("spark.submit.a=[1]", "'spark.submit.a' is wrong (--set); expected true or false or a"),
        (
            "training.merge=men",
            "'stacked', 'mean', 'touched' or 'evidence'; got men. Did you mean 'mean'",
        ),
        (
            "dataset=click",
            "expected one of 'clicks', 'texts'; got click. Did you mean 'clicks'",
        ),
        ("dataset.rows=3", "The setting 'dataset.name' is missing"),
        ("features=numeric", "'features' is wrong (--set); expected 'auto' or a list; got numeric"),
        ("features.0.scale=none", "A list is given whole"),
        (
            "features=[distance]",
            "'features.0' is wrong (--set); expected a mapping with one of num",
        ),
        ("features=[{numerc: a}]", "got {numerc: a}. Did you mean 'numeric'?"),
        ("features=[{numeric: a, impute: x}]", "expected 'mean' or 'none' or a number; got x"),
        ("features=[{date: a, parts: [houre]}]", "'features.0.parts.0' is wrong (--set)"),
    ],
)
def test_a_wrong_value(write: Write, override: str, message: str) -> None:
    assert message in refusal(override)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["split={test_share: 0.1, train: a}", "keys=k"], "split: give either test_share"),
        (["split.test=a > 1"], "split: test needs train too"),
        (["split.test_share=0.1"], "do not fit together: split.test_share needs keys"),
        (["split.test_share=0.1", "keys=[y]"], "split.test_share needs other keys than"),
        (["keys=[a, b, a]"], "keys names 'a' twice"),
        (["spark={master: yarn, remote: 'sc://a'}"], "spark: give either remote, or master and"),
        (["spark={remote: 'spark://a'}"], "spark: remote is not a URL such as sc://host:15002"),
        (["label.classes=[1]"], "label: classes must name two classes or more"),
        (["label.classes=[a, b, a]"], "label: classes names 'a' twice"),
        (["label={kind: number, classes: [1, 2]}"], "a label of kind number has no classes"),
        (["contract.columns.a={min: 3, max: 2}"], "contract.columns.a: min is above max (--set)"),
        (["features=[{text: a, ngrams: [3, 2]}]"], "features.0: ngrams are two sizes from 1 up"),
        (["features=[{text: a, ngrams: [0, 2]}]"], "the smaller first: not [0, 2] (--set)"),
        (["features=[{text: a, ngrams: [1, 2, 3]}]"], "not [1, 2, 3] (--set)"),
    ],
)
def test_settings_that_contradict_each_other(
    write: Write, overrides: list[str], message: str
) -> None:
    assert message in refusal(*overrides)


def test_the_source_is_the_layer_that_set_the_value(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("tasks/mine.yaml", "table: t\nlabel: y\ntraining:\n  sed: 3\n")
    assert f"'training.sed' ({path}). Did you mean 'seed'?" in refusal()
    write("tasks/mine.yaml", "table: t\nlabel: y\n")
    monkeypatch.setenv("PETAFIT__TRAINING__SEED", "many")
    assert "(PETAFIT__TRAINING__SEED); expected a whole number; got many" in refusal()


def test_all_mistakes_are_reported_at_once(write: Write) -> None:
    message = refusal("training.rounds=x", "learning=1", "keys=3")
    assert message.startswith("3 settings are wrong:\n- ")
    assert all(key in message for key in ("'training.rounds'", "'learning'", "'keys'"))


def test_missing_settings_are_named(write: Write) -> None:
    write("tasks/mine.yaml", "label: y\ndataset:\n  rows: 3\n")
    assert "'dataset.name' is missing. Add it to the task file" in refusal()


def test_a_secret_is_not_repeated(write: Write) -> None:
    assert "hunter2" not in refusal("spark.submit.spark.hadoop.fs.s3a.secret.key=[hunter2]")
    assert "hunter2" not in refusal("table.version=https://me:hunter2@host/x")
