"""Rows of weight 0, whatever they hold, leave a job as if they were not in the table."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests.small import rewrite, table, with_settings

LEARNERS: list[dict[str, Any]] = [
    {"name": "petafit.OnlineLinearClassifier", "params": {"class_weight": "balanced"}},
    {"name": "petafit.FactorizationMachineClassifier"},
    {"name": "sklearn.SGDClassifier", "params": {"shuffle": False}},
    {"name": "sklearn.GaussianNB"},
]


def weighted(rows: pa.Table) -> pa.Table:
    """The small table with a class for a label, and weights."""
    late = pc.if_else(rows["late"], "yes", "no")
    rows = rows.set_column(rows.schema.get_field_index("late"), "late", late)
    return rows.append_column("w", pa.array(1.0 + np.arange(len(rows)) % 3))


def with_garbage(rows: pa.Table) -> pa.Table:
    """After every 50 rows one of weight 0 that nothing else should be like."""
    first = rows.slice(0, 1).to_pylist()[0]
    bad = [{"speed": 1e12}, {"speed": float("inf")}, {"late": None}, {"late": "never"}]
    pieces = []
    for number, begin in enumerate(range(0, len(rows), 50)):
        piece = rows.slice(begin, 50)
        month = piece["month"][0].as_py()
        garbage = {**first, **bad[number % len(bad)], "month": month, "w": 0.0}
        pieces += [piece, pa.Table.from_pylist([garbage], rows.schema)]
    return pa.concat_tables(pieces)


def figures(settings: Settings, content: pa.Table, spark: Any = None) -> tuple[Any, Any]:
    """The rows of a training, and what evaluation measures."""
    rewrite(settings, content)
    rows = train(settings, spark=spark).manifest["rows"]
    metrics = evaluate(settings, spark=spark).manifest["metrics"]
    return rows, {
        name: metrics[name] for name in ("log_loss", "auc", "accuracy") if name in metrics
    }


@pytest.fixture
def on_weights(settings: Settings) -> Settings:
    return with_settings(
        settings,
        weight="w",
        hash_bits=6,
        training={"shards": 1, "rounds": 1},
        contract={"max_bad_share": 0.0},
    )


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner["name"])
def test_a_job_is_as_if_they_were_left_out(on_weights: Settings, learner: dict[str, Any]) -> None:
    on_weights = with_settings(on_weights, learner=learner)
    clean = weighted(table())
    rows, expected = figures(on_weights, clean)
    found_rows, found = figures(on_weights, with_garbage(clean))
    assert found_rows == rows == {"in": 4500, "used": 4500, "quarantined": 0}
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.spark
@pytest.mark.parametrize("learner", ["mllib.LogisticRegression", "sklearn.GaussianNB"])
def test_a_job_of_spark_is_as_if_they_were_left_out(
    on_weights: Settings, spark: Any, learner: str
) -> None:
    on_weights = with_settings(on_weights, learner={"name": learner}, engine="spark", stream="scan")
    clean = weighted(table())
    rows, expected = figures(on_weights, clean, spark)
    found_rows, found = figures(on_weights, with_garbage(clean), spark)
    assert found_rows == rows == {"in": 4500, "used": 4500, "quarantined": 0}
    assert found == pytest.approx(expected, rel=1e-5)


def test_integer_weights_repeat_rows_in_statistics(on_weights: Settings) -> None:
    learner = {"name": "sklearn.GaussianNB"}
    rows = weighted(table())
    _, found = figures(with_settings(on_weights, learner=learner), rows)
    times = rows["w"].to_numpy().astype(int)
    repeated = rows.take(np.repeat(np.arange(len(rows)), times))
    _, expected = figures(with_settings(on_weights, learner=learner, weight=None), repeated)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), None])
def test_weights_that_are_none_are_still_refused(on_weights: Settings, bad: float | None) -> None:
    content = weighted(table())
    values = [bad, *content["w"].to_pylist()[1:]]
    at = content.schema.get_field_index("w")
    rewrite(on_weights, content.set_column(at, "w", pa.array(values, pa.float64())))
    with pytest.raises(ContractError, match="w is"):
        train(on_weights)


def test_text_as_weights_is_refused_before_rows_are_read(on_weights: Settings) -> None:
    content = weighted(table())
    at = content.schema.get_field_index("w")
    rewrite(on_weights, content.set_column(at, "w", content["w"].cast(pa.string())))
    with pytest.raises(ContractError, match="'w' must be numeric"):
        train(on_weights)


def test_row_groups_without_weight_are_not_read(on_weights: Settings) -> None:
    """Nor are their labels looked at."""
    content = weighted(table())
    rewrite(on_weights, content)
    path = Path(on_weights.table.uri) / "month-03.parquet"
    silent = pq.read_table(path)
    at = silent.schema.get_field_index("w")
    zeros = pa.array(np.zeros(len(silent)))
    pq.write_table(silent.set_column(at, "w", zeros), path, row_group_size=100)
    assert train(on_weights).manifest["rows"]["in"] == 4000


@pytest.mark.parametrize(("trained", "measured"), [(None, "w"), ("w", None), ("w", "id")])
def test_a_model_is_not_measured_by_other_weights(
    on_weights: Settings, trained: str | None, measured: str | None
) -> None:
    rewrite(on_weights, weighted(table()))
    train(with_settings(on_weights, weight=trained))
    with pytest.raises(ConfigurationError, match="rows of other weights than the task's"):
        evaluate(with_settings(on_weights, weight=measured))
