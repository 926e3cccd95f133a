"""Features by a user's functions: the same on both streams, in Spark, and for a caller's frame."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ConflictError, ContractError
from tests.small import table, with_settings, write_table

TEXT = """
import numpy as np
import petafit

@petafit.function(returns="double")
def speed_squared(speed):
    return speed ** 2

@petafit.function(returns="string", on="arrow")
def district(city):
    import pyarrow.compute as pc
    return pc.utf8_slice_codeunits(city, 5, 6)
"""
FEATURES = [{"numeric": ["speed", "speed_squared"]}, {"categorical": ["city", "district"]}]


@pytest.fixture
def derived(settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "functions.py"
    path.write_text(TEXT)
    return with_settings(settings, functions=str(path), features=FEATURES)


def in_the_table(settings: Settings, folder: Path) -> Settings:
    """The same task on a table that has the columns."""
    made = table()
    speed = made["speed"].combine_chunks()
    made = made.append_column("speed_squared", pa.array(speed.to_numpy(zero_copy_only=False) ** 2))
    made = made.append_column("district", pa.compute.utf8_slice_codeunits(made["city"], 5, 6))
    write_table(folder / "wide", made)
    return with_settings(settings, functions=None, table={"uri": str(folder / "wide")})


def metrics(run: Any) -> dict[str, float]:
    return {k: v for k, v in run.manifest["metrics"].items() if k != "rows_per_second"}


def scores(run: Any) -> np.ndarray:
    output = run.manifest["outputs"][0]["path"]
    found = DeltaTable(output).to_pyarrow_table().sort_by("id")
    return np.asarray(found["probability"].to_numpy())


def test_a_function_gives_what_a_column_of_its_values_gives(
    derived: Settings, tmp_path: Path
) -> None:
    derived = with_settings(derived, training={"shards": 1})  # files of other sizes shard otherwise
    stored = petafit.train(in_the_table(derived, tmp_path))
    own = petafit.train(derived)
    assert metrics(own) == pytest.approx(metrics(stored), abs=1e-12)
    assert metrics(petafit.evaluate(derived))["auc"] > 0.75


@pytest.mark.spark
def test_both_streams_and_predict_agree(derived: Settings, spark: Any) -> None:
    petafit.train(derived)
    direct, scan = petafit.score(derived), None
    direct_scores = scores(direct)
    over = with_settings(derived, engine="spark", stream="scan", score={"replace": "table"})
    scan = petafit.score(over, spark=spark)
    np.testing.assert_allclose(scores(scan), direct_scores, atol=1e-12)
    model = petafit.load_model(f"{derived.paths.models}/small", functions=derived.functions)
    rows = ds.dataset(derived.table.uri).to_table().sort_by("id").to_pandas()
    np.testing.assert_allclose(model.predict_proba(rows)[:, 1], direct_scores, atol=1e-12)


@pytest.mark.spark
def test_mllib_learns_from_functions(derived: Settings, spark: Any) -> None:
    over = with_settings(derived, engine="spark", learner={"name": "mllib.LogisticRegression"})
    petafit.train(over, spark=spark)
    assert metrics(petafit.evaluate(over, spark=spark))["auc"] > 0.75


def test_a_model_without_its_functions_is_refused(derived: Settings) -> None:
    petafit.train(derived)
    with pytest.raises(ConfigurationError, match="functions that it does not contain: district"):
        petafit.load_model(f"{derived.paths.models}/small")
    with pytest.raises(ConfigurationError, match="functions that it does not contain"):
        petafit.score(with_settings(derived, functions=None))
    Path(str(derived.functions)).write_text(TEXT.replace("** 2", "** 3"))
    with pytest.raises(ConfigurationError, match="not those the model was trained with"):
        petafit.evaluate(derived)


def test_a_function_that_fails_says_where(derived: Settings) -> None:
    Path(str(derived.functions)).write_text(TEXT.replace("speed ** 2", "1 / 0"))
    with pytest.raises(ContractError, match=r"'speed_squared' of speed failed on row 0 .*speed="):
        petafit.train(derived)


def test_a_run_with_other_functions_is_another_run(derived: Settings) -> None:
    petafit.train(derived, run_id="one")
    Path(str(derived.functions)).write_text(TEXT.replace("** 2", "** 3"))
    with pytest.raises(ConflictError, match="one"):
        petafit.train(derived, run_id="one")


def test_features_auto_leaves_functions_out(derived: Settings) -> None:
    plain = petafit.train(with_settings(derived, functions=None, features="auto"))
    named = petafit.train(with_settings(derived, features="auto"))
    assert metrics(plain) == metrics(named)
