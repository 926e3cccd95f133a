"""A run's logical date: checked, in the settings, in what is published."""

import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ConflictError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.instances import open_instances
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import with_settings

DATE = "2024-01-03"


@pytest.fixture
def dated(settings: Settings) -> Settings:
    """A task whose rows depend on the day, here the column `city`."""
    return with_settings(
        settings,
        table={"filter": f"city not in [{DATE}, '{{logical_date}}']"},
        split={"train": ["month <= 9", "city != {logical_date}"], "test": "month >= 10"},
        score={"output": f"{settings.table.uri}_{{logical_date}}"},
    )


def test_a_run_without_the_date_that_its_settings_need_is_refused(dated: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"`table.filter` holds \{logical_date\}"):
        train(dated, run_id="r")
    assert train(with_settings(dated, table={"filter": ()}, split={"train": "month <= 9"}))


def test_the_same_id_is_the_same_run_for_one_date_only(dated: Settings) -> None:
    trained = train(dated, run_id="r", logical_date=DATE)
    before = trained.manifest
    assert train(dated, run_id="r", logical_date=DATE).manifest == before
    with pytest.raises(ConflictError, match=r"other work.*logical_date"):
        train(dated, run_id="r", logical_date="2024-01-04")
    model = trained.manifest["model"]
    assert evaluate(dated, logical_date=DATE).manifest["model"] == model
    output = score(dated, logical_date=DATE).manifest["outputs"][0]["path"]
    assert output == f"{dated.table.uri}_{DATE}"
    assert sum(1 for _ in open_instances(dated, logical_date=DATE)) > 0


@pytest.mark.parametrize("date", ["yesterday", "2024-1-3", "2024-02-30", "20240103", "", "{}"])
def test_a_date_that_is_none_is_refused_before_anything_is_written(
    settings: Settings, tmp_path, date: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"logical date is wrong.*2013-10-01"):
        train(settings, logical_date=date)
    assert not (tmp_path / "runs").exists()


def test_a_backfill_is_not_served(settings: Settings) -> None:
    newest = train(settings, logical_date=DATE).manifest["model"]
    older = with_settings(settings, hash_bits=10)
    backfill = train(older, logical_date="2024-01-01").manifest["model"]
    assert (newest["version"], backfill["version"]) == (1, 2)
    assert evaluate(settings).manifest["model"] == newest
    named = with_settings(settings, model="small@2")
    assert evaluate(named).manifest["model"] == backfill
