"""Tables, settings and rows that training or its model refuses, each with a word on what to do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.models.store import ModelStore
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings


def test_one_class_only_is_refused(settings: Settings) -> None:
    rewrite(settings, replace_column("late", [True] * 6000))
    with pytest.raises(ContractError, match="one class only"):
        train(settings)


def test_an_empty_split_is_refused(settings: Settings) -> None:
    with pytest.raises(EmptyInputError, match="No rows to profile"):
        train(with_settings(settings, split={"train": ("month > 12",)}))


def test_a_missing_label_is_refused_by_name(settings: Settings) -> None:
    with pytest.raises(ContractError, match="Did you mean 'late'"):
        train(with_settings(settings, label={"column": "lat"}))


def test_infinite_numbers_are_quarantined_and_counted(settings: Settings) -> None:
    speed = table()["speed"].to_pylist()
    speed[:20] = [np.inf] * 20
    rewrite(settings, replace_column("speed", speed))
    assert train(settings).manifest["rows"] == {"in": 4500, "used": 4480, "quarantined": 20}
    with pytest.raises(ContractError, match=r"20 of 4,500 rows .* speed is inf, not finite"):
        train(with_settings(settings, contract={"max_bad_share": 0.001}))


def test_a_truncated_file_is_named_and_nothing_is_published(settings: Settings) -> None:
    broken = Path(settings.table.uri) / "month-05.parquet"
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(petafit.errors.StorageError, match=r"month-05\.parquet"):
        train(settings, run_id="broken")
    assert ModelStore(settings.paths.models).list() == []
    manifest = json.loads((Path(settings.paths.runs) / "broken/manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert "month-05.parquet" in manifest["error"]


def test_schema_drift_is_named(settings: Settings) -> None:
    path = Path(settings.table.uri) / "month-05.parquet"
    drifted = pq.read_table(path)
    pq.write_table(drifted.set_column(3, "speed", drifted["speed"].cast(pa.string())), path)
    with pytest.raises(ContractError, match=r"'speed' of .*month-05\.parquet"):
        train(settings)


def test_an_unwritable_run_folder_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"paths\.runs"):
        train(with_settings(settings, paths={"runs": str(tmp_path / "file" / "runs")}))


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        ("sklearn.MiniBatchKMeans", "predicts no label.* Set `learner.name`"),
        ("sklearn.SGDRegressor", "must be numeric.*got bool"),
    ],
)
def test_a_learner_that_does_not_fit_is_refused(
    settings: Settings, learner: str, said: str
) -> None:
    with pytest.raises((ConfigurationError, ContractError), match=said):
        train(with_settings(settings, learner={"name": learner}))


def test_a_learner_of_the_other_kind_is_refused(settings: Settings) -> None:
    label = {"column": "speed", "kind": "number"}
    with pytest.raises(ConfigurationError, match=r"is a classifier.*label\.kind: number"):
        train(with_settings(settings, label=label, features="auto"))


def test_a_model_of_another_label_is_not_evaluated(settings: Settings) -> None:
    train(settings)
    other = with_settings(settings, label="weekend", features=[{"numeric": "speed"}])
    with pytest.raises(ConfigurationError, match=r"another label.*got late"):
        evaluate(other)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"speed": [1.0]}, "pandas DataFrame.*got dict"),
        (table(2).append_column("speed", [[1.0, 2.0]]), "two columns 'speed'"),
        (table(2).to_pandas().assign(city=3), "column city"),
        (table(2).to_pandas().drop(columns="city"), "no column 'city'"),
        (table(2).to_pandas().assign(speed=np.inf), "Row 0 cannot be predicted.*Correct the row"),
    ],
)
def test_rows_that_no_model_takes_are_refused(settings: Settings, data: Any, said: str) -> None:
    train(settings)
    model = petafit.load_model(f"{settings.paths.models}/small")
    with pytest.raises(ContractError, match=said):
        model.predict(data)


def test_a_place_without_room_for_models_is_refused_first(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"paths\.models"):
        train(with_settings(settings, paths={"models": str(tmp_path / "file")}))
    assert not (tmp_path / "runs").exists()


def test_a_name_that_no_model_can_have_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="small@3"):
        train(with_settings(settings, model="small@3"))


def test_a_learner_beyond_all_memory_is_one_sentence(settings: Settings) -> None:
    learner = {"name": "sklearn.MLPClassifier", "params": {"hidden_layer_sizes": [10**12]}}
    with pytest.raises(ConfigurationError, match=r"more memory than this machine has.*`hash_bits`"):
        train(with_settings(settings, learner=learner))
    learner = {"name": "petafit.FactorizationMachineClassifier", "params": {"n_factors": 10**9}}
    with pytest.raises(ConfigurationError, match=r"range \[1, 4096\]"):
        train(with_settings(settings, learner=learner))
