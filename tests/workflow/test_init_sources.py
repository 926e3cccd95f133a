"""`petafit init` at rows that Spark reads: the file it writes works as it is."""

from pathlib import Path
from typing import Any

import pytest

import petafit
from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.init import write_task_file
from tests.small import table

pytestmark = pytest.mark.spark


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table().to_pandas().to_csv("trips.csv", index=False)
    return tmp_path


def trained(path: Path, spark: Any) -> Settings:
    settings = load_settings(task=path.stem).settings
    petafit.train(settings, spark=spark)
    assert petafit.evaluate(settings, spark=spark).manifest["metrics"]["auc"] > 0.75
    return settings


def test_a_csv_file(spark: Any) -> None:
    path = write_task_file("trips.csv", label="late")
    assert path.name == "trips.yaml"
    assert "read by Spark, 6,000 rows." in path.read_text()
    settings = trained(path, spark)
    assert (settings.table.uri, settings.table.format) == ("trips.csv", "csv")


def test_a_query_in_a_file(spark: Any, folder: Path) -> None:
    spark.read.csv(
        str(Path("trips.csv").absolute()), header=True, inferSchema=True
    ).createOrReplaceTempView("all_trips")
    Path("early.sql").write_text("SELECT * -- all columns\nFROM all_trips\nWHERE month < 7\n")
    path = write_task_file("early.sql", label="late")
    settings = trained(path, spark)
    assert settings.table.sql == "SELECT * -- all columns\nFROM all_trips\nWHERE month < 7\n"
    spark.catalog.dropTempView("all_trips")


def test_a_table_of_the_catalog(spark: Any) -> None:
    frame = spark.read.csv(str(Path("trips.csv").absolute()), header=True, inferSchema=True)
    frame.write.format("delta").saveAsTable("default.trips_of_a_year")
    try:
        path = write_task_file("default.trips_of_a_year", label="LATE")
        assert path.name == "trips_of_a_year.yaml"
        assert "delta version 0" in path.read_text()
        assert trained(path, spark).table.name == "default.trips_of_a_year"
    finally:
        spark.sql("DROP TABLE default.trips_of_a_year")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.csv", "Path does not exist"),
        ("default.nowhere", "cannot be found"),
        ("nowhere.sql", r"nowhere\.sql cannot be read"),
    ],
)
def test_what_is_not_there_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        write_task_file(name, label="late")
    assert not Path("conf").exists()
