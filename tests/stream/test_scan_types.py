"""Spark's scan gives the values that the files give when they are read directly, of every type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.stream.batches import carried_schema
from petafit.stream.direct import read_slice
from petafit.stream.scan import ScanSource
from petafit.table.opening import open_table
from petafit.table.predicate import Predicate
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
    scanned = pa.Table.from_batches(list(source.received(rows)))
    schema, file = carried_schema(snapshot.schema, SHARED), snapshot.files[0]
    part = Slice(file.path, file.size, 0, file.size, None, {}, absent_is_null=False)
    direct = pa.Table.from_batches(list(read_slice(part, schema, batch_rows=10)))
    assert scanned.schema == direct.schema
    assert scanned.to_pydict() == direct.to_pydict()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_type_that_spark_lacks_is_refused_before_anything_is_read(
    spark: SparkSession, snapshot: Snapshot, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"Spark cannot read column '{name}'"):
        ScanSource.of(spark, snapshot, [name], Predicate())
