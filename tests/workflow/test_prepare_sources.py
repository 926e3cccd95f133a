"""Tables made of any source: daily, from a query, from a caller's DataFrame, with stages."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from tests.small import table

DAYS = [datetime.date(2024, 1, day) for day in (1, 2, 3)]


@pytest.fixture
def events(tmp_path: Path) -> Settings:
    lines = [f"{day},{city},{x}" for day in DAYS for city, x in (("a", 1.0), ("b", 2.0))]
    (tmp_path / "events.csv").write_text("\n".join(["day,city,x", *lines]))
    return Settings(
        task="events",
        paths={name: str(tmp_path / name) for name in ("data", "runs", "models")},
        table=str(tmp_path / "events"),
        label="city",
        prepare={
            "source": {
                "sql": "SELECT *, x * 2 AS y FROM raw WHERE day = '{logical_date}'",
                "views": {"raw": {"uri": f"{tmp_path}/events.csv", "format": "csv"}},
            },
            "partition_by": "day",
            "replace": {"day": "{logical_date}"},
        },
    )


def changed(settings: Settings, **changes: Any) -> Settings:
    plain = settings.model_dump()
    return Settings(**{**plain, "prepare": {**plain["prepare"], **changes}})


def days(settings: Settings) -> dict[datetime.date, int]:
    found = DeltaTable(settings.table.require_uri()).to_pyarrow_table()["day"].to_pylist()
    return {day: found.count(day) for day in sorted(set(found))}


@pytest.mark.spark
def test_each_date_replaces_its_own_partition(events: Settings, spark: Any) -> None:
    for day in (*DAYS, DAYS[1]):
        petafit.prepare(events, spark=spark, logical_date=str(day))
    assert days(events) == dict.fromkeys(DAYS, 2)
    assert DeltaTable(events.table.require_uri()).version() == 3  # one transaction a run


@pytest.mark.spark
def test_the_quarantine_keeps_the_other_dates(events: Settings, spark: Any) -> None:
    plain = events.model_dump()
    contract = {"columns": {"x": {"max": 1.5}}, "max_bad_share": 1.0}
    strict = Settings(**{**plain, "contract": contract})
    for day in DAYS[:2]:
        petafit.prepare(strict, spark=spark, logical_date=str(day))
    bad = DeltaTable(f"{events.table.uri}_quarantine").to_pyarrow_table()
    assert sorted(bad["replaced_partition"].to_pylist()) == ["day=2024-01-01", "day=2024-01-02"]
    assert days(events) == dict.fromkeys(DAYS[:2], 1)


@pytest.mark.spark
def test_a_date_without_rows_is_refused_and_loses_nothing(events: Settings, spark: Any) -> None:
    petafit.prepare(events, spark=spark, logical_date=str(DAYS[0]))
    with pytest.raises(EmptyInputError, match="No rows to prepare"):
        petafit.prepare(events, spark=spark, logical_date="2024-02-01")
    assert days(events) == {DAYS[0]: 2}


@pytest.mark.spark
def test_rows_of_another_date_are_refused(events: Settings, spark: Any) -> None:
    source = events.model_dump()["prepare"]["source"]
    all_days = changed(events, source={**source, "sql": "SELECT * FROM raw"})
    with pytest.raises(ContractError, match="another partition than is replaced"):
        petafit.prepare(all_days, spark=spark, logical_date=str(DAYS[0]))


def test_dates_that_would_replace_each_other_are_refused(events: Settings) -> None:
    with pytest.raises(ConfigurationError, match="each date would replace the whole"):
        petafit.prepare(changed(events, replace={}), logical_date=str(DAYS[0]))


@pytest.mark.spark
def test_stages_are_fitted_to_the_training_rows_only(events: Settings, spark: Any) -> None:
    """The mean of the first day: the second one validates, and the third one tests."""
    view = {"raw": events.model_dump()["prepare"]["source"]["views"]["raw"]}
    made = changed(
        events,
        source={
            "sql": "SELECT *, IF(x = 1, NULL, x * dayofmonth(day)) AS y FROM raw",
            "views": view,
        },
        stages=[{"Imputer": {"inputCols": ["y"], "outputCols": ["z"]}}],
        replace={},
    )
    second, third = (f"day = '{day}'" for day in DAYS[1:])
    split = {"train": f"day < '{DAYS[2]}'", "validation": second, "test": third}
    by_conditions = Settings(**{**made.model_dump(), "split": split})
    petafit.prepare(by_conditions, spark=spark)
    found = DeltaTable(made.table.require_uri()).to_pyarrow_table().to_pylist()
    assert {row["z"] for row in found if row["x"] == 1} == {2.0}
    by_keys = Settings(**{**made.model_dump(), "keys": ["x"], "split": {"test_share": 0.5}})
    with pytest.raises(ConfigurationError, match=r"training rows of a `split\.test_share`"):
        petafit.prepare(by_keys, spark=spark)
    unknown = Settings(**{**made.model_dump(), "split": {"train": "nope < 1"}})
    with pytest.raises(ConfigurationError, match="cannot select the training rows"):
        petafit.prepare(unknown, spark=spark)


def test_stages_that_learn_are_refused_for_one_partition(events: Settings) -> None:
    stages = [{"Imputer": {"inputCols": ["x"], "outputCols": ["z"]}}]
    with pytest.raises(ConfigurationError, match=r"fitted to the rows of one partition.*Imputer"):
        petafit.prepare(changed(events, stages=stages), logical_date=str(DAYS[0]))


@pytest.mark.spark
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stages": [{"Imputerr": {}}]}, "There is no stage 'Imputerr'. Did you mean 'Imputer'"),
        ({"stages": [{"os.system": {}}]}, "The stage os.system is not allowed"),
        ({"stages": [{"Bucketizer": {"split": [1, 2]}}]}, "Did you mean 'splits'"),
        (
            {"stages": [{"SQLTransformer": {"statement": "SELECT nope FROM __THIS__"}}]},
            "The stage SQLTransformer cannot be applied; got .*nope",
        ),
        ({"sort_by": ["nope"]}, "have no column 'nope'|cannot be divided"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    events: Settings, spark: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        petafit.prepare(changed(events, **changes), spark=spark, logical_date=str(DAYS[0]))
    assert not Path(events.table.require_uri()).exists()


@pytest.mark.spark
def test_a_frame_is_prepared_trained_on_evaluated_and_scored(spark: Any, tmp_path: Path) -> None:
    frame = spark.createDataFrame(table().to_pandas())
    settings = Settings(
        task="small",
        paths={name: str(tmp_path / name) for name in ("data", "runs", "models")},
        label="late",
        keys=("id",),
        split={"train": "month <= 9", "test": "month >= 10"},
        score={"output": str(tmp_path / "scores")},
    )
    petafit.train(settings, frame=frame)
    measured = petafit.evaluate(settings, frame=frame).manifest
    assert measured["metrics"]["auc"] > 0.75
    assert measured["inputs"][0]["table"] == "a DataFrame"
    petafit.score(settings, frame=frame)
    assert DeltaTable(str(tmp_path / "scores")).to_pyarrow_table().num_rows == 6000
    stored = settings.model_copy(update={"table": type(settings.table)(uri=str(tmp_path / "t"))})
    assert petafit.prepare(stored, frame=frame).manifest["rows"]["out"] == 6000


@pytest.mark.spark
def test_a_task_without_prepare_trains_on_its_source(spark: Any, tmp_path: Path) -> None:
    table().to_pandas().to_csv(tmp_path / "t.csv", index=False)
    common = {
        "task": "small",
        "paths": {name: str(tmp_path / name) for name in ("data", "runs", "models")},
        "label": "late",
        "keys": ("id",),
        "split": {"train": "month <= 9", "test": "month >= 10"},
    }
    csv = {"uri": str(tmp_path / "t.csv"), "format": "csv"}
    settings = Settings(**common, table={"sql": "SELECT * FROM t", "views": {"t": csv}})
    petafit.train(settings, spark=spark)
    assert petafit.evaluate(settings, spark=spark).manifest["metrics"]["auc"] > 0.75
    with pytest.raises(ConfigurationError, match=r"need an address\. Set `score.output`"):
        petafit.score(settings, spark=spark)
    for table_ in (settings.table, None):
        local = Settings(**common, engine="local", **({"table": table_} if table_ else {}))
        with pytest.raises(ConfigurationError, match=r"Only Spark reads|names no rows"):
            petafit.train(local)
