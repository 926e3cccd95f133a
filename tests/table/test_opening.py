"""Pinning a table: its format, and the error if there is none."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from petafit.config.settings import Table
from petafit.errors import ConfigurationError
from petafit.table.opening import open_table

ROWS = pa.table({"x": [1, 2]})


def test_the_format_is_seen(tmp_path):
    write_deltalake(tmp_path / "delta", ROWS)
    (tmp_path / "parquet").mkdir()
    pq.write_table(ROWS, tmp_path / "parquet" / "a.parquet")
    for kind in ("delta", "parquet"):
        assert open_table(Table(uri=str(tmp_path / kind))).format == kind
        assert open_table(Table(uri=str(tmp_path / kind), format=kind)).format == kind


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"There is no table at .*/nothing"):
        open_table(Table(uri=str(tmp_path / "nothing")))


@pytest.mark.parametrize(("kind", "asked"), [("delta", "parquet"), ("parquet", "delta")])
def test_another_format_than_asked_for_is_refused(tmp_path, kind, asked):
    if kind == "delta":
        write_deltalake(tmp_path, ROWS)
    else:
        pq.write_table(ROWS, tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match="another format"):
        open_table(Table(uri=str(tmp_path), format=asked))


def test_parquet_tables_have_no_versions(tmp_path):
    pq.write_table(ROWS, tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match="no versions"):
        open_table(Table(uri=str(tmp_path), version=3))
