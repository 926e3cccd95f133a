"""Tables of several kinds, from `petafit init` to a model, with nothing changed in between."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import petafit
from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.workflow.init import write_task_file
from tests.workflow.task_files import save

N = 6000
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=N)
PART = np.where(RANDOM.random(N) < 0.3, "test", "train")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PETAFIT_CONF", raising=False)


def trained(label: str, **columns: Any) -> tuple[Settings, dict[str, float]]:
    """Return the settings that init writes for a table, and the metrics of their model."""
    path = write_task_file(save(pa.table(columns), "mine"), label=label)
    settings = load_settings(task=path.stem).settings.model_copy(update={"engine": "local"})
    petafit.train(settings)
    return settings, petafit.evaluate(settings).manifest["metrics"]


def drawn(margin: np.ndarray) -> np.ndarray:
    return np.random.default_rng(2).random(len(margin)) < 1 / (1 + np.exp(-margin))


def test_a_curve_and_codes_are_learnt_as_well_as_they_can_be() -> None:
    code = RANDOM.integers(0, 6, N)
    margin = 4.0 * (abs(X) < 0.7) - 2 + np.array([1, -1, 1, -1, 1, -1])[code]
    settings, metrics = trained("y", x=X, code=code, part=PART, y=drawn(margin))
    test = PART == "test"
    best = -np.log(1 / (1 + np.exp(np.where(drawn(margin), -margin, margin))))[test].mean()
    assert metrics["log_loss"] < best + 0.03
    assert settings.split.test == ("part == test",)


def test_paths_of_many_classes_are_told_by_their_characters() -> None:
    folders = [f"{''.join(RANDOM.choice(list('abcdefghijkl'), 4))}" for _ in range(24)]
    top = RANDOM.integers(0, 24, N // 3)
    paths = [f"src/{folders[k][::-1]}{i % 9}/{folders[k]}_{i}.py" for i, k in enumerate(top)]
    settings, metrics = trained("top", path=paths, top=[f"folder {k}" for k in top])
    assert metrics["accuracy"] > 0.9
    assert [group.analyzer for group in settings.features] == ["char"]


def test_weights_are_those_of_rows() -> None:
    weight = np.where(X > 0, 2.0, 0.5)
    settings, metrics = trained("y", x=X, sample_weight=weight, part=PART, y=drawn(3 * X))
    assert settings.weight == "sample_weight"
    assert metrics["auc"] > 0.85


def test_a_number_of_a_few_rows_keeps_its_columns_as_they_are() -> None:
    few = slice(0, 400)
    y = 2 * X[few] + RANDOM.normal(size=400)
    settings, metrics = trained("y", x=X[few], z=RANDOM.normal(size=400), y=y, part=PART[few])
    assert [group.model_dump(exclude_defaults=True) for group in settings.features] == [
        {"numeric": ("x", "z")}
    ]
    assert metrics["r2"] > 0.7


def test_infinite_values_are_binned() -> None:
    ends = np.where(X > 1, np.inf, np.where(X < -1, -np.inf, X))
    settings, metrics = trained("y", x=ends, part=PART, y=drawn(3 * X))
    assert [group.model_dump(exclude_defaults=True) for group in settings.features] == [
        {"binned": ("x",), "edges": "quantiles", "bins": 32}
    ]
    assert metrics["auc"] > 0.85


def test_given_conditions_are_the_split() -> None:
    table = pa.table({"x": X, "month": np.arange(N) * 12 // N + 1, "y": drawn(X)})
    path = write_task_file(save(table), label="y", train="month <= 9", test="month >= 10")
    text = path.read_text()
    assert "  train: month <= 9\n  test: month >= 10\n" in text
    assert "# left out: month, it divides the rows" in text


@pytest.mark.parametrize(
    ("conditions", "kind", "message"),
    [
        ({"train": "month <= 9"}, ConfigurationError, "needs both conditions. Give --train and"),
        ({"train": "moth < 9", "test": "month > 9"}, ContractError, "moth"),
        ({"train": "month is", "test": "month > 9"}, ConfigurationError, "month is"),
        ({"train": "month > 99", "test": "month > 9"}, EmptyInputError, "No row that was looked"),
    ],
)
def test_conditions_that_cannot_be(
    conditions: dict[str, str], kind: type[Exception], message: str
) -> None:
    table = pa.table({"x": X, "month": np.arange(N) * 12 // N + 1, "y": drawn(X)})
    with pytest.raises(kind, match=message):
        write_task_file(save(table), label="y", **conditions)
    assert not Path("conf").exists()
