"""XGBoost's trees grown by several workers of Spark: a barrier stage, and workers that fail."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings
from tests.workflow.tree_tasks import VALIDATED, has_trees, held_out, model_of, of_trees, params

pytestmark = pytest.mark.spark


@pytest.fixture
def trees(settings: Settings) -> Settings:
    return of_trees(settings)


def test_workers_grow_the_trees_together(trees: Settings, spark: Any) -> None:
    train(trees)
    alone = evaluate(trees).manifest["metrics"]["log_loss"]
    on_spark = with_settings(trees, engine="spark", split=VALIDATED, learner=params())
    trained = train(on_spark, spark=spark).manifest
    assert trained["metrics"]["trees"] == 20
    assert set(trained["peak_memory_bytes"]) == {"driver", "worker", "jvm"}
    together = with_settings(trees, engine="spark")
    assert train(together, spark=spark).manifest["rows"]["used"] == 4500
    found = model_of(together).predict_proba(held_out())
    frame = spark.createDataFrame(held_out().drop(columns="late"))
    rows = model_of(together).transform(frame).orderBy("id").toPandas()
    np.testing.assert_allclose(rows["probability"], found[:, 1], atol=1e-6)
    # sketches of two workers are merged: splits are at other quantiles
    loss = evaluate(together, spark=spark).manifest["metrics"]["log_loss"]
    assert loss == pytest.approx(alone, abs=0.01)


def python_workers() -> list[int]:
    """The processes that Spark's daemon of this test run has forked, and that have used XGBoost."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            pid, _, rest = status.read_text().partition(" (")
            parents[int(pid)] = int(rest.rpartition(") ")[2].split()[1])

    def ancestors(pid: int) -> list[int]:
        return [pid, *ancestors(parents[pid])] if pid in parents else []

    def is_forked(pid: int) -> bool:
        with suppress(OSError):  # it ended meanwhile
            by = Path(f"/proc/{parents[pid]}/cmdline").read_bytes()
            return b"pyspark" in by and "libxgboost" in Path(f"/proc/{pid}/maps").read_text()
        return False

    ours = [pid for pid in parents if os.getpid() in ancestors(pid)[1:]]
    return [pid for pid in ours if is_forked(pid)]


def test_a_killed_worker_is_replaced_and_the_trees_go_on(
    trees: Settings, spark: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = with_settings(
        trees,
        engine="spark",
        learner=params(n_estimators=100),
        training={"checkpoint_seconds": 0.01},
    )
    undisturbed = train(settings, spark=spark).manifest["model"]["digest"]
    run = Path(settings.paths.runs) / "killed"
    killed: list[int] = []
    ended = Event()

    def kill() -> None:
        while not has_trees(run) and not ended.wait(0.005):
            pass
        for pid in python_workers():  # some may be idle
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with ThreadPoolExecutor(1) as thread:
        killing = thread.submit(kill)
        try:
            trained = train(settings, spark=spark, run_id="killed").manifest
        finally:
            ended.set()
        killing.result()
    assert killed != []
    assert [each for each in caplog.messages if each.startswith("attempt 1 of 4: ")] != []
    assert trained["model"]["digest"] == undisturbed


def test_a_worker_without_rows_takes_part(trees: Settings, spark: Any) -> None:
    # all of them are in one file, and the other shard has none
    split = {"train": ["id >= 4000", "id < 4500"], "test": "month >= 10"}
    settings = with_settings(trees, engine="spark", split=split, training={"shards": 2})
    few = pa.array([text[:6] for text in table()["city"].to_pylist()])
    rewrite(settings, replace_column("city", few))
    assert train(settings, spark=spark).manifest["rows"]["used"] == 500
    together = evaluate(settings, spark=spark).manifest["metrics"]["log_loss"]
    alone = with_settings(settings, engine="local", training={"shards": 1})
    train(alone)
    assert together == pytest.approx(evaluate(alone).manifest["metrics"]["log_loss"], abs=1e-6)


def test_what_one_worker_finds_is_told_and_not_what_the_others_lose(
    trees: Settings, spark: Any
) -> None:
    delay = np.where(np.arange(6000) == 4400, -1.0, 1.0)
    rewrite(trees, replace_column("late", delay))
    learner = {"name": "xgboost.XGBRegressor", "params": {"objective": "count:poisson"}}
    with pytest.raises(ConfigurationError, match=r"XGBoost cannot learn from these rows"):
        train(with_settings(trees, learner=learner, engine="spark"), spark=spark)


def test_more_workers_than_slots_are_refused(trees: Settings, spark: Any) -> None:
    from petafit.aggregate.spark import SparkEngine

    with pytest.raises(ConfigurationError, match=r"fewer slots than workers.*expected 3 slots"):
        SparkEngine(spark).together(lambda number: {}, 3)
