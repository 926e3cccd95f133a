"""Labels of every type that can be one, from the table to the predictions."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError, EmptyInputError
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings

LATE = np.array(table()["late"])


def labelled(settings: Settings, values: object, **label: Any) -> Settings:
    rewrite(settings, replace_column("late", values))
    return with_settings(settings, label={"column": "late", **label})


def of_two(no: Any, yes: Any, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([yes if late else no for late in LATE], kind)


@pytest.mark.parametrize(
    ("values", "classes", "expected"),
    [
        (of_two(7, 2**64 - 1, pa.uint64()), None, {7, 2**64 - 1}),
        (of_two(2**63, 2**63 + 1, pa.uint64()), None, {2**63, 2**63 + 1}),
        (of_two(0, 200, pa.uint8()), ("0", "200"), {0, 200}),
        (of_two(-0.0, 1.0), None, {0.0, 1.0}),
        (of_two(Decimal("0.10"), Decimal("99.99")), None, {0.1, 99.99}),
        (of_two("0", "1"), (0, 1), {"0", "1"}),
        (of_two(False, True), ("false", "true"), {False, True}),
    ],
    ids=["uint64", "neighbours", "uint8", "zeros", "decimal", "text", "boolean"],
)
def test_a_label_is_trained_evaluated_and_predicted(
    settings: Settings, values: pa.Array, classes: Sequence[Any] | None, expected: set[Any]
) -> None:
    settings = labelled(settings, values, classes=classes)
    train(settings)
    assert evaluate(settings).manifest["metrics"]["auc"] > 0.8
    score(settings)
    scored = DeltaTable(f"{settings.table.uri}_predictions").to_pyarrow_table()
    assert set(scored["prediction"].to_pylist()) == expected
    model = petafit.load_model(f"{settings.paths.models}/small")
    assert set(model.predict(table()).tolist()) == expected


def test_both_zeros_are_one_class(settings: Settings) -> None:
    zeros = np.where(LATE, 1.0, np.where(np.arange(len(LATE)) % 2, 0.0, -0.0))
    settings = labelled(settings, zeros)
    train(settings)
    assert petafit.load_model(f"{settings.paths.models}/small").classes == (0.0, 1.0)


def test_rows_whose_label_is_nan_are_filtered_like_nulls(settings: Settings) -> None:
    speed = table()["speed"].to_pylist()
    label = [np.nan if i % 10 == 0 else speed[i] or 0.0 for i in range(len(speed))]
    settings = labelled(settings, pa.array(label, from_pandas=False))
    settings = with_settings(
        settings,
        learner="petafit.OnlineLinearRegressor",
        table={"filter": ("late is not null",)},
    )
    assert train(settings).manifest["rows"] == {"in": 4050, "used": 4050, "quarantined": 0}


def test_a_label_that_can_be_no_class_is_refused_before_any_row_is_read(
    settings: Settings,
) -> None:
    settings = labelled(settings, pa.array(np.arange(len(LATE)), pa.int32()).cast(pa.date32()))
    with pytest.raises(ContractError, match=r"'late' cannot be a class.*got date32"):
        train(settings)


def test_too_many_classes_are_refused_with_a_hint(settings: Settings) -> None:
    many = [f"class {i % 1001}" for i in range(len(LATE))]
    with pytest.raises(ConfigurationError, match=r"named in `label\.classes`"):
        train(labelled(settings, many))


@pytest.mark.parametrize("classes", [None, (False, True)])
def test_rows_without_weight_are_refused_in_training(
    settings: Settings, classes: tuple[bool, ...] | None
) -> None:
    rewrite(settings, table().append_column("w", pa.array(np.zeros(len(LATE)))))
    settings = with_settings(
        settings,
        weight="w",
        features=[{"categorical": "city"}],
        label={"column": "late", "classes": classes},
    )
    with pytest.raises(EmptyInputError, match="No row has weight: 'w'"):
        train(settings)


def test_text_of_numbers_is_refused_with_a_hint_to_cast(settings: Settings) -> None:
    rewrite(settings, replace_column("speed", table()["speed"].cast(pa.string()).combine_chunks()))
    with pytest.raises(ConfigurationError, match="cast the column in the table"):
        train(settings)
