"""Spark's scan gives the values that the files give when they are read directly, of every type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.stream.batches import carried_schema
from petafit.stream.direct import read_slice
from petafit.stream.scan.stream import ScanSource
from petafit.table.filters.predicate import Predicate, parse
from petafit.table.opening import open_table
from petafit.table.shards import Slice
from petafit.table.snapshot import Snapshot
from tests import kinds

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOREIGN = (
    "float16", "digits", "time32_s", "time32_ms", "time64_us", "time64_ns",
    "timestamp_ns", "instant_ns",
)  # fmt: skip
SHARED = [name for name in ("id", *kinds.COLUMNS) if name not in FOREIGN]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("kinds") / "a.parquet"
    pq.write_table(kinds.table(), path)
    return open_table(Table(uri=str(path)))


def test_both_streams_give_the_same_values_of_every_type_they_share(
    spark: SparkSession, snapshot: Snapshot
) -> None:
    source = ScanSource.of(spark, snapshot, SHARED, Predicate())
    rows = iter(source.driver_frame().toArrow().to_batches())
    scanned = pa.Table.from_batches(list(source.receiving(rows).read(0)))
    schema, file = carried_schema(snapshot.schema, SHARED), snapshot.files[0]
    part = Slice(file.path, file.size, 0, file.size, None, {}, absent_is_null=False)
    direct = pa.Table.from_batches(list(read_slice(part, schema, batch_rows=10)))
    assert scanned.schema == direct.schema
    assert scanned.to_pydict() == direct.to_pydict()


@pytest.mark.parametrize("text", ["x is null", "x is not null", "x != 2", "x < 2", "x >= 1"])
def test_both_streams_take_nan_for_missing(spark: SparkSession, tmp_path: Path, text: str) -> None:
    values = pa.array([1.0, float("nan"), None, 2.0, -0.0])
    pq.write_table(pa.table({"id": range(5), "x": values}), tmp_path / "a.parquet")
    table = open_table(Table(uri=str(tmp_path)))
    source = ScanSource.of(spark, table, ["id"], parse([text]))
    rows = list(source.receiving(iter(source.driver_frame().toArrow().to_batches())).read(0))
    found = sorted(row for batch in rows for row in batch.column("id").to_pylist())
    mask = parse([text]).mask(pa.record_batch([values], ["x"]))
    assert mask is not None
    assert found == [i for i, holds in enumerate(mask.to_pylist()) if holds]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_type_that_spark_lacks_is_refused_before_anything_is_read(
    spark: SparkSession, snapshot: Snapshot, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"Spark cannot read column '{name}'"):
        ScanSource.of(spark, snapshot, [name], Predicate())
