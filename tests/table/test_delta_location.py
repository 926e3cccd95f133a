"""Delta tables in folders whose names delta-rs would take for others."""

from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.delta import delta_location
from petafit.table.opening import open_table
from petafit.table.writers.files import PartitionedWriter
from petafit.table.writers.output import Output

SCHEMA = pa.schema([("x", pa.int64()), ("city", pa.string())])
NAMES = {  # with the name that each is taken for
    "a%20b": "a b",
    "a%25b": "a%b",
    "a%2Fb": "a/b",
    "São%C3%A3": "Sãoã",
    r"a\b": "a/b",
    "p[1]^|": "p",
    "a\tb": "ab",
    "50%": "50",
    "a#b ?:c": "a",
    "{a}*": "a",
}


@pytest.fixture(params=NAMES)
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder to be, beside a table in the one that delta-rs would take it for."""
    write_deltalake(tmp_path / NAMES[request.param], pa.table({"other": [1, 2, 3]}))
    return tmp_path / str(request.param)


def commit(folder: Path, key: str, xs: list[int]) -> int | None:
    out = Output(str(folder), "delta", SCHEMA, key, ("city",))
    out.check()
    writer = PartitionedWriter(out.staging, out.partition_by)
    writer.write(pa.record_batch({"x": xs, "city": ["a%20b", "ü"] * (len(xs) // 2)}))
    return out.commit(writer.close())


def test_a_table_is_written_and_read_where_it_is(table: Path) -> None:
    neighbours = sorted(path.name for path in table.parent.iterdir())
    assert commit(table, "k1", [1, 2]) == 0
    assert commit(table, "k2", [1, 2, 3, 4]) == 1
    assert sorted(path.name for path in table.parent.iterdir()) == sorted([*neighbours, table.name])
    snapshot = open_table(Table(uri=str(table)))
    assert (snapshot.version, snapshot.rows) == (1, 4)
    assert snapshot.uri == str(table)
    assert all(Path(file.path).is_relative_to(table) for file in snapshot.files)
    assert {file.partition["city"] for file in snapshot.files} == {"a%20b", "ü"}
    assert open_table(Table(uri=str(table), version=0)).rows == 2
    assert len([*(table / "_delta_log").glob("*.json")]) == 2


@pytest.mark.spark
def test_spark_reads_written_rows(spark, table: Path) -> None:  # type: ignore[no-untyped-def]
    commit(table, "k1", [1, 2])
    read = spark.read.format("delta").load(Folder(table).spark_uri)
    assert sorted(map(tuple, read.collect())) == [(1, "a%20b"), (2, "ü")]


def test_an_object_store_has_no_stand_in() -> None:
    folder = Mock(spec=Folder, path="bucket/a%20b", uri="s3://bucket/a%2520b", is_local=False)
    with pytest.raises(ConfigurationError, match="another folder"):
        delta_location(folder)
