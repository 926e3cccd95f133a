"""Settings, tables, models and frames that spell columns in other letter cases than each other."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.spelling import spelled
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings

OTHER = {
    "table": {"filter": ["ID >= 5", "Speed is not null"]},
    "label": {"column": "LATE"},
    "keys": ("Id",),
    "split": {"train": ["Month <= 8"], "validation": ["`MONTH` == 9"], "test": ["month > 9"]},
    "features": [
        {"numeric": ["SPEED"]},
        {"categorical": "City"},
        {"boolean": "Week*"},
        {"cross": [["City", "WEEKEND"]]},
    ],
    "contract": {"columns": {"SPEED": {"min": 40}}},
}
SAME = {
    "table": {"filter": ["id >= 5", "speed is not null"]},
    "label": {"column": "late"},
    "keys": ("id",),
    "split": {"train": ["month <= 8"], "validation": ["month == 9"], "test": ["month > 9"]},
    "features": [
        {"numeric": ["speed"]},
        {"categorical": "city"},
        {"boolean": "week*"},
        {"cross": [["city", "weekend"]]},
    ],
    "contract": {"columns": {"speed": {"min": 40}}},
}


def upper(settings: Settings) -> None:
    """Spell all columns of the task's table in capitals."""
    for path in Path(settings.table.uri).iterdir():
        rows = pq.read_table(path)
        pq.write_table(rows.rename_columns([name.upper() for name in rows.column_names]), path)


def test_every_name_of_the_settings_is_found_in_any_case(settings: Settings) -> None:
    other, same = with_settings(settings, **OTHER), with_settings(settings, **SAME)
    names = table().column_names
    resolved = spelled(other, names).model_dump(exclude={"features"})
    assert resolved == same.model_dump(exclude={"features"})
    assert spelled(same, names) == same

    first, second = train(same), train(other)
    assert first.manifest["rows"] == second.manifest["rows"]
    assert first.manifest["model"]["digest"] == second.manifest["model"]["digest"]
    assert evaluate(other).manifest["rows"] == evaluate(same).manifest["rows"]


def test_names_that_become_one_are_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"`keys` names the column 'id' twice.*'ID'"):
        train(with_settings(settings, keys=("id", "ID")))
    rewrite(settings, table().append_column("ID", table()["id"]))
    train(settings)  # which names one exactly
    with pytest.raises(ContractError, match=r"'Id' may mean several columns.*'id', 'ID'"):
        train(with_settings(settings, keys=("Id",)))


def test_a_model_is_measured_and_scores_on_a_table_that_spells_otherwise(
    settings: Settings,
) -> None:
    train(settings)
    before = evaluate(settings).manifest["metrics"]
    score(settings)
    predictions = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table()
    upper(settings)
    after = evaluate(settings).manifest["metrics"]
    assert {**after, "rows_per_second": 0} == {**before, "rows_per_second": 0}
    score(with_settings(settings, score={"output": f"{settings.table.uri}_again"}))
    again = DeltaTable(f"{settings.table.uri}_again").to_pyarrow_table()
    columns = ["ID", "LATE", "probability", "row_status"]
    again = again.rename_columns({"ID": "id"}) if "ID" in again.column_names else again
    again = again.rename_columns({n: n.lower() for n in again.column_names if n != n.lower()})
    expected = predictions.sort_by("id")
    assert again.sort_by("id").select([n.lower() for n in columns]) == expected.select(
        [n.lower() for n in columns]
    )


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_a_loaded_model_takes_frames_in_any_case(settings: Settings, kind: str) -> None:
    train(settings)
    model = petafit.load_model(f"{settings.paths.models}/small")
    rows = table().slice(0, 50)
    renamed = rows.rename_columns([name.title() for name in rows.column_names])
    frame: Any = renamed.to_pandas() if kind == "pandas" else renamed
    np.testing.assert_array_equal(model.predict_proba(frame), model.predict_proba(rows))
    twice = renamed.append_column("SPEED", renamed["Speed"])
    frame = twice.to_pandas() if kind == "pandas" else twice
    with pytest.raises(ContractError, match=r"'speed' may mean several.*'Speed', 'SPEED'"):
        model.predict(frame)
    exact = twice.append_column("speed", renamed["Speed"])  # which is preferred
    frame = exact.to_pandas() if kind == "pandas" else exact
    np.testing.assert_array_equal(model.predict_proba(frame), model.predict_proba(rows))


def test_a_label_by_another_case_is_no_feature(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="label 'late' cannot be a feature"):
        train(with_settings(settings, features=[{"boolean": "LATE"}]))


def test_scan_and_direct_reading_find_the_same_names(settings: Settings, spark: Any) -> None:
    rewrite(settings, replace_column("city", pa.array([f"c{i % 5}" for i in range(6000)])))
    path = sorted(Path(settings.table.uri).iterdir())[-1]
    rows = pq.read_table(path)
    pq.write_table(rows.rename_columns([name.upper() for name in rows.column_names]), path)
    found = [
        train(with_settings(settings, engine="spark", stream=stream, **OTHER), spark=spark)
        for stream in ("direct", "scan")
    ]
    assert found[0].manifest["rows"] == found[1].manifest["rows"]
    weights = [petafit.load_model(f"{settings.paths.models}/small@{v}") for v in (1, 2)]
    assert weights[0].encoder.statistics.rows == weights[1].encoder.statistics.rows
