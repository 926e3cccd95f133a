from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings, write_table


def predictions(settings: Settings) -> pa.Table:
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table()
    return scored.sort_by("id")


def test_every_row_gets_the_loaded_models_prediction(settings: Settings) -> None:
    model = train(settings).manifest["model"]
    run = score(settings, run_id="scoring")
    scored = predictions(settings)
    assert scored.column_names == [
        "id", "late", "prediction", "probability",
        "model_name", "model_version", "model_digest", "run_id", "row_status",
    ]  # fmt: skip
    assert run.manifest["rows"] == {"in": 6000, "used": 6000, "quarantined": 0, "out": 6000}
    loaded = petafit.load_model(f"{settings.paths.models}/small")
    expected = loaded.predict_proba(table())[:, 1]
    np.testing.assert_array_equal(scored["probability"].to_numpy(), expected)
    np.testing.assert_array_equal(scored["prediction"].to_numpy(), loaded.predict(table()))
    stamps = {name: set(scored[name].to_pylist()) for name in ("model_digest", "run_id")}
    assert stamps == {"model_digest": {model["digest"]}, "run_id": {"scoring"}}


def test_a_bad_row_has_the_reason_in_its_status(settings: Settings) -> None:
    train(settings)
    speed = table()["speed"].to_pylist()
    speed[7] = np.inf
    rewrite(settings, replace_column("speed", speed))
    assert score(settings).manifest["rows"]["quarantined"] == 1
    scored = predictions(settings).to_pylist()
    assert scored[7]["prediction"] is scored[7]["probability"] is None
    assert scored[7]["row_status"] == "quarantined: speed is inf, not finite"
    assert {row["row_status"] for row in scored[:7]} == {"ok"}
    assert all(row["probability"] is not None for row in scored[8:20])


def test_a_column_with_a_name_of_the_predictions_is_refused(settings: Settings) -> None:
    train(settings)
    named = table().append_column("Run_Id", table()["id"])
    rewrite(settings, named)
    with pytest.raises(ConfigurationError, match="'Run_Id'"):
        score(with_settings(settings, keys=("run_id",)))


def test_a_table_of_somebody_else_is_not_replaced(settings: Settings) -> None:
    train(settings)
    write_deltalake(f"{settings.table.uri}_predictions", table())
    with pytest.raises(ConfigurationError, match="petafit did not write it"):
        score(settings)
    assert predictions(settings).num_rows == 6000


def test_scoring_twice_leaves_the_rows_once(settings: Settings) -> None:
    train(settings)
    score(settings)
    score(settings)
    assert predictions(settings).num_rows == 6000


def test_a_table_that_does_not_fit_is_refused_before_anything_is_written(
    settings: Settings,
) -> None:
    train(settings)
    rewrite(settings, table().drop_columns(["city"]))
    with pytest.raises(ContractError, match="'city'"):
        score(settings)
    assert not Path(f"{settings.table.uri}_predictions").exists()


def test_rows_without_a_label_are_scored(settings: Settings) -> None:
    settings = with_settings(settings, table={"filter": ("late is not null", "id >= 100")})
    train(settings)
    unlabelled = f"{settings.table.uri}_new"
    write_table(Path(unlabelled), table().drop_columns(["late"]))
    run = score(with_settings(settings, score={"table": unlabelled}))
    assert run.manifest["rows"]["out"] == 5900
    assert run.manifest["outputs"][0]["path"] == f"{unlabelled}_predictions"


def test_the_scored_table_is_not_replaced(settings: Settings) -> None:
    train(settings)
    own = {"output": f"{settings.table.uri}/", "format": "parquet"}
    with pytest.raises(ConfigurationError, match="the table they are made from"):
        score(with_settings(settings, score=own))
    assert len(list(Path(settings.table.uri).iterdir())) == 12


@pytest.mark.spark
def test_both_engines_write_the_same_rows(settings: Settings, spark: object) -> None:
    train(settings)
    score(settings, run_id="one")
    local = predictions(settings).drop_columns(["run_id"])
    score(with_settings(settings, engine="spark"), spark=spark, run_id="two")  # type: ignore[arg-type]
    assert predictions(settings).drop_columns(["run_id"]) == local
