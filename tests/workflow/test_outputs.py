"""A finished run is repeated if its output is gone, with a message; otherwise it does nothing."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from deltalake import DeltaTable

from petafit.config.settings import Settings
from petafit.store.runs import Run
from petafit.workflow.evaluate import evaluate
from petafit.workflow.prepare import prepare
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.days import days_in
from tests.small import with_settings
from tests.workflow.test_score_daily import ROWS, count, filtered

OutputFormat = Literal["delta", "parquet"]


@pytest.fixture(params=["delta", "parquet"])
def format(request: pytest.FixtureRequest) -> OutputFormat:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A model of a table with one partition a day."""
    settings = days_in(tmp_path_factory.mktemp("days"), training={"batch_rows": 128})
    train(settings)
    return settings


@pytest.fixture
def daily(trained: Settings, tmp_path: Path, format: OutputFormat) -> Settings:
    output = {"output": str(tmp_path / "predictions"), "format": format}
    return with_settings(trained, score=output, paths={"runs": str(tmp_path / "runs")})


def score_day(settings: Settings, day: int, run_id: str = "") -> Run:
    return score(filtered(settings, f"day == {day}"), run_id=run_id or f"day-{day}")


def did_nothing(before: Run, after: Run) -> bool:
    return before.manifest == after.manifest


def test_a_run_whose_rows_are_there_does_nothing(daily: Settings) -> None:
    before = score_day(daily, 2)
    score_day(daily, 3)
    assert did_nothing(before, score_day(daily, 2))


@pytest.mark.parametrize("format", ["delta", "parquet"], indirect=True)
def test_rows_that_another_run_replaced_are_made_again(
    daily: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    score_day(daily, 2)
    score_day(daily, 3)
    score_day(daily, 2, "other")
    again = score_day(daily, 2)
    assert "does not have what it wrote any more: it is made again" in caplog.text
    assert count(daily, "day", "run_id") == {("2", "day-2"): ROWS, ("3", "day-3"): ROWS}
    assert (again.manifest["made"], again.manifest["rows"]["out"]) == (2, ROWS)
    assert again.manifest["again_because"]
    assert did_nothing(again, score_day(daily, 2))
    score_day(daily, 2, "other")
    assert score_day(daily, 2).manifest["made"] == 3
    assert count(daily, "day", "run_id") == {("2", "day-2"): ROWS, ("3", "day-3"): ROWS}


def remove_table(table: Path) -> None:
    shutil.rmtree(table)


def remove_a_file(table: Path) -> None:
    next(path for path in table.rglob("part-*.parquet")).unlink()


@pytest.mark.parametrize("damage", [remove_table, remove_a_file])
def test_a_table_that_was_removed_is_made_again(
    daily: Settings, damage: Callable[[Path], None]
) -> None:
    score_day(daily, 2)
    assert daily.score.output
    damage(Path(daily.score.output))
    assert score_day(daily, 2).manifest["made"] == 2
    assert count(daily, "run_id") == {("day-2",): ROWS}


def test_rows_that_were_put_into_other_files_are_there(settings: Settings) -> None:
    train(settings)
    halves = {"2024-01-02": "month <= 6", "2024-01-03": "month > 6"}

    def score_half(date: str, run_id: str) -> Run:
        return score(filtered(settings, halves[date]), run_id=run_id, logical_date=date)

    before = {date: score_half(date, date) for date in halves}
    table = DeltaTable(before["2024-01-02"].manifest["outputs"][0]["path"])
    assert table.optimize.z_order(["prediction"])["numFilesRemoved"] == len(halves)
    assert all(did_nothing(run, score_half(date, date)) for date, run in before.items())
    score_half("2024-01-03", "other")
    assert did_nothing(before["2024-01-02"], score_half("2024-01-02", "2024-01-02"))
    assert score_half("2024-01-03", "2024-01-03").manifest["made"] == 2


@pytest.mark.parametrize("what", ["versions/000001.json", "objects"])
def test_a_model_that_was_removed_is_trained_again(settings: Settings, what: str) -> None:
    before = train(settings, run_id="r")
    assert did_nothing(before, train(settings, run_id="r"))
    gone = Path(settings.paths.models, "small", what)
    gone.unlink() if gone.is_file() else shutil.rmtree(gone)
    after = train(settings, run_id="r").manifest
    assert after["made"] == 2
    assert after["model"]["digest"] == before.manifest["model"]["digest"]
    assert evaluate(settings).manifest["model"] == after["model"]
    assert did_nothing(train(settings, run_id="r"), train(settings, run_id="r"))


def test_metrics_are_never_gone(settings: Settings) -> None:
    train(settings)
    before = evaluate(settings, run_id="r")
    shutil.rmtree(settings.paths.models)
    assert did_nothing(before, evaluate(settings, run_id="r"))


def test_a_prepared_table_that_was_removed_is_prepared_again(tmp_path: Path) -> None:
    settings = Settings(
        task="clicks",
        engine="local",
        paths={name: str(tmp_path / name) for name in ("data", "runs", "models")},
        dataset={"name": "clicks", "rows": 1000, "days": 2},
        table=str(tmp_path / "clicks"),
        label="click",
        split={"train": "day < 1", "test": "day >= 1"},
        training={"shards": 2},
    )
    before = prepare(settings, run_id="r")
    assert did_nothing(before, prepare(settings, run_id="r"))
    shutil.rmtree(tmp_path / "clicks")
    again: Any = prepare(settings, run_id="r").manifest
    assert (again["made"], again["rows"]) == (2, before.manifest["rows"])
    assert DeltaTable(str(tmp_path / "clicks")).to_pyarrow_table().num_rows == 1000
