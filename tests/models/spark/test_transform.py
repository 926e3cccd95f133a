"""A model in Spark gives the columns of `score` and the numbers of `predict_proba`."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.models import portable
from petafit.spark.compatibility import arrow_table, frame_of
from tests.releases import before
from tests.small import rewrite, table, with_settings

pytestmark = pytest.mark.spark

NO_FUNCTION = "before 4.1 has no functions of Arrow arrays.*createOrReplaceTempView"


def load(settings: Settings, **options: Any) -> Any:
    return petafit.load_model(f"{settings.paths.models}/small", **options)


def scored(settings: Settings) -> pa.Table:
    """What `score` writes of the predictions, in the order of the keys."""
    petafit.score(settings)
    found = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    kept = {"id", settings.label.column, "run_id"}
    return found.select([name for name in found.column_names if name not in kept])


def transformed(model: Any, spark: Any, rows: pa.Table) -> pa.Table:
    """What `transform` adds."""
    frame = model.transform(frame_of(spark, rows).repartition(3))
    assert frame.columns[: rows.num_columns] == rows.column_names
    found = arrow_table(frame.orderBy("id"))
    return found.select(frame.columns[rows.num_columns :])


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    assert found.column_names == expected.column_names
    for name in found.column_names:
        assert found[name].to_pylist() == expected[name].to_pylist(), name


def odd_rows() -> pa.Table:
    """The small table with nulls, unseen values, and a number that is not finite."""
    rows = table()
    cities = rows["city"].to_pylist()
    cities[3:6] = None, "a city unseen", ""
    speeds = rows["speed"].to_pylist()
    speeds[7:10] = np.inf, None, np.nan
    rows = rows.set_column(2, "city", pa.array(cities))
    return rows.set_column(3, "speed", pa.array(speeds, pa.float64()))


LABELS: dict[str, dict[str, Any]] = {
    "two classes": {},
    "several classes": {"label": "month", "split": {}},
    "number": {"label": "speed", "learner": "petafit.OnlineLinearRegressor"},
    "margin": {"learner": {"name": "sklearn.SGDClassifier", "params": {"loss": "hinge"}}},
    "text": {
        "features": [
            {"text": "city"},
            {"numeric": "speed", "log1p": True},
            {"binned": "speed"},
            {"cross": [["weekend", "month"]]},
        ]
    },
}


@pytest.mark.parametrize("changes", LABELS.values(), ids=LABELS)
def test_transform_adds_what_score_writes(
    settings: Settings, spark: Any, changes: dict[str, Any]
) -> None:
    settings = with_settings(settings, **changes)
    if settings.label.column == "speed":
        settings = with_settings(
            settings, features=[{"categorical": "city"}], table={"filter": ("speed is not null",)}
        )
    petafit.train(settings)
    rows = odd_rows()
    rewrite(settings, rows)
    settings = with_settings(settings, table={"filter": ()})
    assert_same(transformed(load(settings), spark, rows), scored(settings))


def test_probabilities_are_those_of_predict_proba(settings: Settings, spark: Any) -> None:
    petafit.train(settings)
    model = load(settings)
    found = transformed(model, spark, table())
    expected = model.predict_proba(table())[:, 1]
    np.testing.assert_array_equal(found["probability"].to_numpy(), expected)


def test_a_model_predicts_after_its_functions(
    settings: Settings, spark: Any, tmp_path: Path
) -> None:
    path = tmp_path / "functions.py"
    path.write_text(
        "import petafit\n"
        "@petafit.function(returns='double')\n"
        "def squared(speed):\n"
        "    return speed ** 2\n"
    )
    settings = with_settings(
        settings, functions=str(path), features=[{"numeric": "squared"}, {"categorical": "city"}]
    )
    petafit.train(settings)
    found = transformed(load(settings, functions=path), spark, table())
    assert_same(found, scored(settings))


def test_a_large_model_is_read_from_the_store(
    settings: Settings, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    petafit.train(settings)
    monkeypatch.setattr(portable, "MOST_BYTES", 0)
    model = load(settings)
    assert model.portable.content is None
    assert_same(transformed(model, spark, table()), scored(settings))
    (stored,) = Path(settings.paths.models).rglob("model.npz")
    stored.write_bytes(stored.read_bytes()[:-1])
    portable._loaded.cache_clear()
    with pytest.raises(Exception, match=r"cannot read the model 'small'.*all machines share"):
        model.transform(frame_of(spark, table())).selectExpr("sum(probability)").collect()


@pytest.mark.parametrize("learner", ["DecisionTreeClassifier", "LogisticRegression"])
def test_mllibs_models_add_what_score_writes(settings: Settings, spark: Any, learner: str) -> None:
    """One that only Spark can apply, and a linear one, which needs no stages of Spark's."""
    settings = with_settings(settings, engine="spark", learner=f"mllib.{learner}", hash_bits=8)
    petafit.train(settings, spark=spark)
    rows = odd_rows().rename_columns(["id", "month", "city", "speed", "weekend", "features"])
    found = transformed(load(settings), spark, rows)
    rewrite(settings, odd_rows())
    petafit.score(settings, spark=spark)
    uri = f"{settings.table.uri}_predictions"
    expected = DeltaTable(uri).to_pyarrow_table().sort_by("id").select(found.column_names)
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("select", "error", "message"),
    [
        ("id, city, speed", ContractError, "no column 'weekend'"),
        ("*, city AS City", ContractError, "two columns of one name"),
        ("city, speed, id AS weekend", ContractError, "'weekend' has another type.*bool.*int64"),
        ("city, weekend, make_interval(1) AS speed", ContractError, "'speed' has another type"),
        ("*, id AS Prediction", ConfigurationError, "'Prediction' has the name of one"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_before_a_task_runs(
    settings: Settings, spark: Any, select: str, error: type[Exception], message: str
) -> None:
    petafit.train(settings)
    frame = frame_of(spark, table()).selectExpr(*select.split(", "))
    if before(spark, 4, 0) and "interval" in select:
        message = "Spark 3.5 cannot describe the columns of a frame with calendar intervals"
    with pytest.raises(error, match=message):
        load(settings).transform(frame)


def test_columns_are_found_whatever_the_case_of_their_letters(
    settings: Settings, spark: Any
) -> None:
    petafit.train(settings)
    rows = table().rename_columns(["id", "month", "CITY", "Speed", "weekend", "late"])
    found = transformed(load(settings), spark, rows)
    assert_same(found, transformed(load(settings), spark, table()))


def test_other_columns_of_one_name_stay(settings: Settings, spark: Any) -> None:
    petafit.train(settings)
    frame = frame_of(spark, table()).selectExpr("*", "id")
    found = load(settings).transform(frame)
    assert found.columns.count("id") == 2
    assert found.filter("row_status = 'ok'").count() == table().num_rows


def test_spark_reads_only_the_columns_in_use(settings: Settings, spark: Any) -> None:
    petafit.train(settings)
    frame = spark.read.parquet(settings.table.uri)
    predicted = load(settings).transform(frame).select("id", "probability")
    plan = predicted._jdf.queryExecution().optimizedPlan().toString()
    (relation,) = (line for line in plan.splitlines() if "Relation" in line)
    if before(spark, 4, 1):  # without functions of Arrow arrays, whole rows go to the workers
        assert "MapInArrow" in plan
        assert predicted.count() == table().num_rows
        return
    assert "Project [id" in plan
    assert "month" not in plan.replace(relation, "")


def test_the_function_of_sql_takes_a_struct_columns_or_names(
    settings: Settings, spark: Any
) -> None:
    petafit.train(settings)
    model = load(settings)
    if before(spark, 4, 1):
        with pytest.raises(ConfigurationError, match=NO_FUNCTION):
            model.register(spark, "predict_delay")
        return
    predict = model.register(spark, "predict_delay")
    assert model.schema.names == ["speed", "city", "weekend"]
    frame_of(spark, odd_rows()).createOrReplaceTempView("flown")
    calls = (
        "predict_delay(struct(*))",
        "predict_delay(speed, city, weekend)",
        "predict_delay(weekend => weekend, city => city, speed => speed)",
    )
    expected = transformed(model, spark, odd_rows())
    for call in calls:
        query = f"SELECT p.* FROM (SELECT id, {call} AS p FROM flown) ORDER BY id"
        found = arrow_table(spark.sql(query))
        assert found.column_names == ["prediction", "probability", "row_status"]
        assert_same(found, expected.select(found.column_names))
    column = spark.table("flown").select(predict("speed", "city", "weekend")["probability"])
    assert column.count() == table().num_rows


def test_a_wrong_call_of_the_function_says_what_it_takes(settings: Settings, spark: Any) -> None:
    petafit.train(settings)
    with pytest.raises(ConfigurationError, match="cannot be called 'predict delay'"):
        load(settings).register(spark, "predict delay")
    if before(spark, 4, 1):
        with pytest.raises(ConfigurationError, match=NO_FUNCTION):
            load(settings).register(spark, "predict_delay")
        return
    load(settings).register(spark, "predict_delay")
    frame_of(spark, table(10)).createOrReplaceTempView("flown")
    message = "expected a struct, or speed, city, weekend in this order; got 2 columns"
    with pytest.raises(Exception, match=message):
        spark.sql("SELECT predict_delay(speed, city).probability FROM flown LIMIT 1").collect()
