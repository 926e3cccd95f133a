"""A few raw flights, made for the rules of the flights table."""

import csv
from pathlib import Path

from petafit.datasets.flights import SCHEMAS, WEATHER

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


def write_raw(folder: Path) -> None:
    """Write them as the package has them: CSV files with NA for null."""
    folder.mkdir(parents=True, exist_ok=True)
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
        columns = [column.split()[0] for column in SCHEMAS[name].split(", ")]
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="NA")
            writer.writeheader()
            writer.writerows(
                {"year": 2013, "day": 1, **row} if "day" in columns else row for row in rows
            )
