"""The field `measured_on`, and its warning if a model was not measured on test rows."""

import pytest

from petafit.cli import tables as show
from petafit.config.settings import Settings
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import with_settings

NO_SPLIT = {"train": (), "test": ()}


def test_without_a_split_the_rows_are_those_of_training(
    settings: Settings, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = with_settings(settings, split=NO_SPLIT)
    train(whole)
    manifest = evaluate(whole).manifest
    assert manifest["measured_on"] == "training"
    assert "has no split" in caplog.text
    show.run(manifest)
    assert "training rows: the task has no split" in capsys.readouterr().out


@pytest.mark.parametrize("split", [{}, {**NO_SPLIT, "test_share": 0.2}])
def test_held_out_test_rows_need_no_warning(
    settings: Settings,
    split: dict[str, object],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    apart = with_settings(settings, split=split)
    train(apart)
    manifest = evaluate(apart).manifest
    assert manifest["measured_on"] == "test"
    assert "no split" not in caplog.text
    show.run(manifest)
    assert "measured on" not in capsys.readouterr().out


def test_the_rows_of_a_later_date_are_not_those_of_training(settings: Settings) -> None:
    by_date = ("month > 0", "city != {logical_date}")
    daily = with_settings(settings, split=NO_SPLIT, table={"filter": by_date})
    train(daily, logical_date="2024-01-02")
    same = evaluate(daily, logical_date="2024-01-02").manifest
    later = evaluate(daily, logical_date="2024-01-03").manifest
    assert (same["measured_on"], later["measured_on"]) == ("training", "all")
