"""A model and features on a real Spark Connect server, which cannot read the model store."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from tests.platform import connect_program
from tests.small import table

pytestmark = [pytest.mark.platform, pytest.mark.xdist_group("connect")]


def test_predictions_on_connect_are_those_of_predict_proba(
    settings: Settings, connect_url: str, tmp_path: Path
) -> None:
    petafit.train(settings)
    expected = petafit.load_model(f"{settings.paths.models}/small").predict_proba(table())[:, 1]
    results = tmp_path / "results"
    results.mkdir()
    arguments = (connect_url, settings.paths.models, settings.table.uri, str(results))
    done = subprocess.run(
        [sys.executable, connect_program.__file__, *arguments],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "no column 'city'" in done.stdout
    for name in ("transform", "sql", "stream"):
        found = pq.read_table(results / f"{name}.parquet")
        np.testing.assert_array_equal(found["probability"].to_numpy(), expected, err_msg=name)
    vectors = np.array(pq.read_table(results / "features.parquet")["features"].to_pylist())
    assert vectors.shape == (table().num_rows, 2**4 + 1)
    speed = table()["speed"].to_numpy(zero_copy_only=False)
    np.testing.assert_allclose(vectors[:, -1], _scaled(speed), atol=1e-9)


def _scaled(speed: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(speed), 0, (speed - np.nanmean(speed)) / np.nanstd(speed))
