"""Predictions carry columns of every type, and every reader finds the values that were scored."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.spark.compatibility import arrow_table
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests import kinds
from tests.kinds import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The path of the predictions, in either format."""
    folder = tmp_path_factory.mktemp("types")
    table = kinds.table().append_column("x", [[1.0, 2.0, 3.0]])
    table = table.append_column("y", [[True, False, True]])
    (folder / "t").mkdir()
    pq.write_table(table, folder / "t" / "a.parquet")
    settings = Settings(
        task="types",
        engine="local",
        paths={name: str(folder / name) for name in ("data", "runs", "models")},
        table=str(folder / "t"),
        label="y",
        keys=("id", *COLUMNS),
        features=[{"numeric": "x"}],
    )
    train(settings)
    found = {}
    for format in ("delta", "parquet"):
        found[format] = str(folder / format)
        written = {"output": found[format], "format": format}
        score(settings.model_copy(update={"score": type(settings.score)(**written)}))
    return found


@pytest.mark.parametrize("format", ["delta", "parquet"])
def test_arrow_finds_the_values_that_were_scored(scored: dict[str, str], format: str) -> None:
    table = ds.dataset(scored[format], format="parquet", exclude_invalid_files=True).to_table()
    assert_equal(table.sort_by("id"))


def test_delta_rs_finds_the_values_that_were_scored(scored: dict[str, str]) -> None:
    assert_equal(DeltaTable(scored["delta"]).to_pyarrow_table().sort_by("id"))


@pytest.mark.parametrize("format", ["delta", "parquet"])
def test_spark_finds_the_values_that_were_scored(
    spark: SparkSession, scored: dict[str, str], format: str
) -> None:
    assert_equal(arrow_table(spark.read.format(format).load(scored[format]).orderBy("id")))


def assert_equal(table: pa.Table) -> None:
    found = {name: plain(table[name].to_pylist()) for name in COLUMNS}
    assert found == {name: plain(expected) for name, (_, expected) in COLUMNS.items()}


def plain(value: Any) -> Any:
    """Lists, tuples and mappings of pairs as lists, instants as UTC."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC)
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("kind", [pa.duration("us")])
def test_a_type_that_no_table_has_is_refused_before_anything_is_done(
    settings: Settings, kind: pa.DataType
) -> None:
    table = pq.read_table(settings.table.uri)
    odd = table.append_column("odd", table["id"].cast(kind))
    for path in Path(settings.table.uri).iterdir():
        path.unlink()
    pq.write_table(odd, Path(settings.table.uri) / "a.parquet")
    train(settings)
    with pytest.raises(ConfigurationError, match=r"'odd'.*duration\[us\]"):
        score(settings.model_copy(update={"keys": ("odd",)}))
    assert not Path(f"{settings.table.uri}_predictions").exists()
