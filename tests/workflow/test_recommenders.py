"""Recommenders of MLlib's are trained from ids of any kind, evaluated and scored, and predict."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import petafit
from petafit.cli import tables as show
from petafit.config.exporting import Exporting
from petafit.config.settings import Explaining, Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError, StorageError
from petafit.models.model import model_from_named
from petafit.models.recommender import RecommenderModel
from petafit.models.store import ModelStore
from petafit.spark.compatibility import frame_of
from petafit.store.arrays import StateDict
from petafit.table.opening import open_table
from petafit.workflow.evaluate import evaluate
from petafit.workflow.explain import explain
from petafit.workflow.instances import open_instances
from petafit.workflow.score import score
from petafit.workflow.spelling import spelled
from petafit.workflow.task import Task
from petafit.workflow.train import train

_FIRST = 2**60
_NOISE = 0.1


def ratings(rows: int = 3000) -> pa.Table:
    """Ratings that follow two factors of 40 users and 30 items, of which the last come on day 1."""
    random = np.random.default_rng(0)
    user, item = random.integers(0, 40, rows), random.integers(0, 30, rows)
    day = (np.arange(rows) >= rows * 3 // 4).astype(np.int32)
    user, item = (np.where((day == 0) & (each == 7), 8, each) for each in (user, item))
    of_users, of_items = random.normal(size=(40, 2)), random.normal(size=(30, 2))
    known = 3 + (of_users[user] * of_items[item]).sum(axis=1)
    return pa.table(
        {
            "id": np.arange(rows),
            "day": day,
            "User": pa.array([f"user/{code:060d}/é" for code in user]),
            "item": _FIRST + item,
            "rating": known + random.normal(size=rows) * _NOISE,
            "times": random.integers(0, 3, rows),
        }
    )


def settings_of(folder: Path, table: pa.Table | None = None, **changes: Any) -> Settings:
    (folder / "table").mkdir(exist_ok=True)
    pq.write_table(ratings() if table is None else table, folder / "table" / "1.parquet")
    params = {"userCol": "user", "itemCol": "item", "rank": 4, "regParam": 0.02, "maxIter": 5}
    given = {
        "label": "rating",
        "keys": ["id"],
        "split": {"train": "day = 0", "test": "day = 1"},
        **changes,
    }
    more = given.pop("params", {})
    return Settings(
        task="small",
        paths={name: str(folder / name) for name in ("data", "runs", "models")},
        table=str(folder / "table"),
        learner={"name": "mllib.ALS", "params": {**params, **more}},
        **given,
    )


def of_task(settings: Settings) -> Task:
    snapshot = open_table(settings.table)
    return Task.of(spelled(settings, snapshot.schema.names), snapshot)


@pytest.mark.spark
def test_ratings_are_predicted(
    tmp_path: Path, spark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows of new users and items are counted, and have no prediction."""
    settings, table = settings_of(tmp_path), ratings()
    trained = train(settings, spark=spark).manifest
    sizes = {"users": 39, "items": 29, "rank": 4}
    assert trained["metrics"].items() >= sizes.items()
    version = ModelStore(settings.paths.models).find("small")
    assert version.metrics.items() >= sizes.items()
    assert version.kind == "arrays"
    show.model(version)
    assert "users 39  items 29  rank 4" in capsys.readouterr().out

    test = table.filter(pa.compute.equal(table["day"], 1))
    new = np.array([text[5:-2] == f"{7:060d}" for text in table["User"].to_pylist()])
    new |= np.asarray(table["item"]) == _FIRST + 7
    measured = evaluate(settings, spark=spark).manifest
    metrics = measured["metrics"]
    assert measured["rows"] == {"in": 750, "used": 750, "quarantined": 0}
    assert metrics["unknown_rows"] == new[-750:].sum() > 20
    assert metrics["unknown_share"] == new[-750:].sum() / 750
    model = petafit.load_model(f"{settings.paths.models}/small")
    assert isinstance(model, RecommenderModel)
    found = model.predict(test.select(["item", "User", "id"]).to_pandas())
    np.testing.assert_array_equal(np.isnan(found), new[-750:])
    squares = np.square(found - np.asarray(test["rating"]))
    assert metrics["root_mean_squared_error"] == pytest.approx(np.sqrt(np.nanmean(squares)))
    assert metrics["root_mean_squared_error"] < 1.5 * _NOISE
    assert metrics["mean_absolute_error"] < metrics["root_mean_squared_error"]
    assert not measured["warnings"]

    score(settings, spark=spark)
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table().sort_by("id")
    assert {"id", "User", "item", "rating", "prediction", "row_status"} <= {*scored.column_names}
    unknown = "quarantined: its user or its item was not in the training rows"
    assert scored["row_status"].to_pylist() == [unknown if each else "ok" for each in new]
    assert scored["prediction"].is_null().to_pylist() == new.tolist()
    np.testing.assert_array_equal(scored["prediction"].drop_null(), found_of(model, table, ~new))
    some = table.select(["id", "User", "item"]).slice(2300, 50)
    own = model.transform(frame_of(spark, some)).orderBy("id").toPandas()
    np.testing.assert_array_equal(own["prediction"].isna(), new[2300:2350])
    np.testing.assert_array_equal(own["row_status"], scored["row_status"][2300:2350])

    with pytest.raises(ConfigurationError, match=r"mllib\.ALS cannot be measured: Spark fits it"):
        explain(
            settings.model_copy(update={"explain": Explaining(influence="partitions")}),
            spark=spark,
        )
    export = Exporting(to="spark", output=str(tmp_path / "exported"))
    with pytest.raises(ConfigurationError, match=r"mllib\.ALS cannot be exported"):
        petafit.export(settings.model_copy(update={"export": export}), spark=spark)
    assert not (tmp_path / "exported").exists()


def found_of(model: RecommenderModel, table: pa.Table, rows: np.ndarray) -> np.ndarray:
    return model.predict(table.filter(pa.array(rows)))


@pytest.mark.spark
def test_rows_without_a_label_count_one_each(tmp_path: Path, spark: Any) -> None:
    """As the numbers of rows of each user and item, and as weights, which ALS has not."""
    table = ratings(1500).drop_columns(["rating", "day"]).slice(0, 1100)
    kept = table.filter(pa.compute.greater(table["times"], 0))
    repeated = kept.take(np.repeat(np.arange(len(kept)), np.asarray(kept["times"])))
    models = []
    for name, rows, changes in (
        ("rows", repeated, {}),
        ("counts", table, {"label": "times"}),
        ("weights", table, {"weight": "times"}),
    ):
        (tmp_path / name).mkdir()
        given = {"label": {}, "split": {}, "params": {"implicitPrefs": True}, **changes}
        settings = settings_of(tmp_path / name, rows, **given)
        train(settings, spark=spark)
        models.append(petafit.load_model(f"{settings.paths.models}/small"))
        metrics = evaluate(settings, spark=spark).manifest["metrics"]
        assert metrics["unknown_rows"] == 0
        assert 0 < metrics["mean_percentile_rank"] < 0.5
    first = models[0].predict(kept)
    for model in models[1:]:
        np.testing.assert_allclose(model.predict(kept), first, rtol=1e-3, atol=1e-4)

    model = models[0]
    assert isinstance(model, RecommenderModel)
    users = kept["User"].unique()
    best = model.recommend([users[3].as_py(), "nobody", users[1].as_py()], n=2)
    assert best.columns.tolist() == ["User", "item", "place", "prediction"]
    assert best["User"].tolist() == [users[at].as_py() for at in (3, 3, 1, 1)]
    assert best["place"].tolist() == [1, 2, 1, 2]
    np.testing.assert_array_equal(model.predict(best), best["prediction"])
    every = model.recommend(users, n=10**6).groupby("User")["prediction"]
    assert (every.max()[best["User"][::2]].to_numpy() == best["prediction"][::2]).all()
    assert model.recommend([]).empty
    with pytest.raises(ConfigurationError, match="n: 1 or more"):
        model.recommend(users, 0)
    with pytest.raises(ContractError, match=r"do not fit the model.*column User"):
        model.recommend([1])
    with pytest.raises(ConfigurationError, match="gives no probabilities"):
        model.predict_proba(kept)
    with pytest.raises(ContractError, match="User is missing"):
        model.predict(pa.table({"User": pa.array([None], pa.string()), "item": [1]}))
    damaged = model.to_state_dict()
    arrays = {**damaged.arrays, "factors/of_users": damaged.arrays["factors/of_users"][1:]}
    with pytest.raises(StorageError, match="factors of a stored model is damaged"):
        model_from_named(StateDict(arrays, damaged.params))


@pytest.mark.spark
def test_rows_of_new_users_alone_cannot_be_measured(tmp_path: Path, spark: Any) -> None:
    table = ratings(200)
    settings = settings_of(tmp_path, table, params={"maxIter": 1, "rank": 1})
    train(settings, spark=spark)
    others = table.set_column(2, "User", pa.array([f"new {row}" for row in range(200)]))
    with pytest.raises(EmptyInputError, match="both a user and an item of the training rows"):
        evaluate(settings_of(tmp_path, others, params={"maxIter": 1, "rank": 1}), spark=spark)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"params": {"userCol": None}}, ConfigurationError, r"learner\.params\.userCol: a column"),
        ({"params": {"itemCol": 3}}, ConfigurationError, r"params\.itemCol: a column.*got 3"),
        ({"params": {"itemCol": "USER"}}, ConfigurationError, "got 'User' for both"),
        ({"params": {"userCol": "usr"}}, ContractError, r"no column 'usr'.*params\.userCol"),
        ({"params": {"itemCol": "rating"}}, ConfigurationError, "`label` and as `learner.params"),
        ({"params": {"itemCol": "real"}}, ContractError, "holds no ids.*text or whole numbers"),
        ({"params": {"implicitPrefs": "yes"}}, ConfigurationError, "true or false"),
        ({"params": {"ranks": 3}}, ConfigurationError, "no parameter 'ranks'.*'rank'"),
        ({"params": {"coldStartStrategy": "drop"}}, ConfigurationError, "no parameter"),
        ({"label": {}}, ConfigurationError, "is a recommender, and the task has no label"),
        ({"label": {"column": "rating", "kind": "classes"}}, ConfigurationError, "a recommender"),
        ({"label": "User", "params": {"userCol": "id"}}, ContractError, "not a number"),
        ({"features": [{"numeric": "times"}]}, ConfigurationError, "no features.*`features`"),
        ({"weight": "times"}, ConfigurationError, "no weights of ratings.*implicitPrefs"),
        (
            {"weight": "item", "params": {"implicitPrefs": True}},
            ConfigurationError,
            "`weight` and as `learner.params",
        ),
    ],
)
def test_tasks_that_cannot_work_are_refused(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    table = ratings(100).append_column("real", pa.array(np.arange(100.0)))
    with pytest.raises(error, match=said):
        of_task(settings_of(tmp_path, table, **changes))


def test_rows_without_ids_or_with_other_ratings_are_quarantined(tmp_path: Path) -> None:
    table = ratings(4)
    bad = {
        "User": pa.array(["a", None, "b", "c"]),
        "item": pa.array([1, 2, None, 4]),
        "rating": pa.array([float("inf"), 2.0, 3.0, float("nan")]),
    }
    for name, column in bad.items():
        table = table.set_column(table.column_names.index(name), name, column)
    task = of_task(settings_of(tmp_path, table))
    assert task.features == ()
    assert set(task.feature_schema.names) == {"User", "item"}
    (batch,) = table.to_batches()
    assert task.checks.reasons(batch).to_pylist() == [
        "rating is inf, not finite",
        "User is missing",
        "item is missing",
        "rating is missing",
    ]
    checks = of_task(settings_of(tmp_path, ratings(100), params={"implicitPrefs": True})).checks
    (batch,) = ratings(100).to_batches()
    reasons = checks.reasons(batch)
    assert reasons is not None
    assert {reason.endswith("below 0") for reason in reasons.drop_null().to_pylist()} == {True}


def test_without_spark_or_for_other_libraries_a_recommender_is_refused(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, engine="local")
    with pytest.raises(ConfigurationError, match=r"no Spark.*engine: spark"):
        train(settings)
    with pytest.raises(ConfigurationError, match="no features that another library"):
        open_instances(settings)


def test_partitions_cannot_be_kept(tmp_path: Path) -> None:
    kept = {"keep_summaries": ["day"]}
    with pytest.raises(ConfigurationError, match=r"nothing to keep of mllib\.ALS"):
        train(settings_of(tmp_path, training=kept, engine="local"))
