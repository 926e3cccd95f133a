"""The flights' task as it is shipped: its query, its stages and its function."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.functions.module import FunctionModule
from petafit.workflow.prepare import prepare
from tests.small import with_settings
from tests.tasks.raw_flights import RAW_FLIGHTS, WEATHER, flights_in, write_raw

KEYS = ["month", "day", "carrier", "flight", "origin"]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = flights_in(tmp_path_factory.mktemp("flights"))
    write_raw(settings)
    return with_settings(settings, contract={"columns": {}})


@pytest.fixture(scope="module")
def rows(few: Settings, spark: Any) -> dict[int, dict[str, Any]]:
    prepare(few, spark=spark)
    return {row["flight"]: row for row in table(few).to_pylist()}


def table(settings: Settings) -> Any:
    found = DeltaTable(settings.table.require_uri()).to_pyarrow_table()
    return found.select(sorted(found.column_names)).sort_by("flight")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2013, 1, 1), 0),
        (date(2013, 7, 2), 2),  # to Independence Day
        (date(2013, 7, 6), 2),
        (date(2013, 12, 31), 1),  # to New Year's Day of the year after
        (date(2013, 3, 1), 11),  # from Washington's birthday, 18 February
    ],
)
def test_days_to_the_nearest_holiday(day: date, expected: int) -> None:
    days_to_holiday = FunctionModule.read("conf/tasks/flights.py").functions["days_to_holiday"]
    assert days_to_holiday(pd.Series([day])).tolist() == [expected]


def test_the_query_needs_spark(few: Settings) -> None:
    with pytest.raises(ConfigurationError, match="engine: spark"):
        prepare(with_settings(few, engine="local"))


@pytest.mark.spark
def test_the_real_flights(spark: Any, tmp_path: Any) -> None:
    settings = flights_in(tmp_path)
    counts = prepare(settings, spark=spark).manifest["rows"]
    assert counts == {"in": 327_346, "used": 327_346, "quarantined": 0, "out": 327_346}
    frame = table(settings).to_pandas()
    assert not frame.duplicated(KEYS).any()
    assert frame["late"].mean() == pytest.approx(0.24470, abs=1e-5)
    assert (frame["temp_bin"].nunique(), frame["departure_slot"].nunique()) == (10, 20)
    assert frame[[*WEATHER]].notna().all(axis=None)
    assert not {"dep_time", "dep_delay", "air_time", "arr_time", "arr_delay"} & {*frame.columns}


@pytest.mark.spark
def test_flights_without_arrival_are_left_out(rows: dict[int, Any]) -> None:
    assert sorted(rows) == [1, 2, 3, 5, 6]


@pytest.mark.spark
def test_fifteen_minutes_are_late(rows: dict[int, Any]) -> None:
    late = {flight: row["late"] for flight, row in rows.items()}
    assert late == {1: False, 2: True, 3: False, 5: True, 6: False}


@pytest.mark.spark
def test_a_repeated_hour_of_weather_does_not_multiply_flights(
    few: Settings, rows: dict[int, Any]
) -> None:
    assert table(few).num_rows == 5
    assert rows[2]["temp"] == 20


@pytest.mark.spark
def test_missing_weather_is_the_median_of_the_training_months(rows: dict[int, Any]) -> None:
    assert rows[6]["temp"] == 20
    assert rows[5]["temp"] == 1000


@pytest.mark.spark
def test_an_unknown_plane_leaves_its_columns_empty(rows: dict[int, Any]) -> None:
    planes = {flight: (row["plane_age"], row["seats"]) for flight, row in rows.items()}
    assert planes == {
        1: (13, 50),
        2: (13, 50),
        3: (None, None),
        5: (None, 150),
        6: (None, 150),
    }


@pytest.mark.spark
def test_days_and_bins(rows: dict[int, Any]) -> None:
    assert (rows[1]["day_of_week"], rows[1]["days_to_holiday"]) == (1, 0)  # Tuesday, New Year
    assert rows[1]["temp_bin"] < rows[3]["temp_bin"]
    assert rows[5]["temp_bin"] == rows[3]["temp_bin"]  # beyond the last cut of the training months


@pytest.mark.spark
def test_prepared_twice_it_is_the_same_table(
    few: Settings, rows: dict[int, Any], spark: Any
) -> None:
    once = table(few)
    prepare(few, spark=spark)
    assert table(few).equals(once)
    assert DeltaTable(few.table.require_uri()).metadata().partition_columns == ["month"]
    assert len(once) == len(RAW_FLIGHTS) - 1


@pytest.mark.spark
def test_bad_rows_go_to_quarantine_and_too_many_fail_the_job(
    few: Settings, rows: dict[int, Any], spark: Any
) -> None:
    rule = {"columns": {"month": {"max": 10}}}
    lenient = with_settings(few, contract={**rule, "max_bad_share": 0.5})
    assert prepare(lenient, spark=spark).manifest["rows"]["quarantined"] == 1
    quarantine = DeltaTable(f"{few.table.uri}_quarantine").to_pyarrow_table().to_pylist()
    assert [row["quarantine_reason"] for row in quarantine] == ["month is 11, above 10"]
    before = table(few)
    with pytest.raises(ContractError, match=r"1 of 5 rows .*flights_quarantine"):
        prepare(with_settings(few, contract=rule), spark=spark)
    assert table(few).equals(before)
