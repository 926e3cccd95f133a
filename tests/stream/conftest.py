"""Reading a whole table both ways."""

from itertools import count

import pyarrow as pa
import pytest

from petafit.config.settings import Table
from petafit.store.filesystem import Folder
from petafit.stream.direct import DirectSource
from petafit.table.filters.predicate import parse
from petafit.table.opening import open_table
from petafit.table.plans import write_plan
from petafit.table.shards import plan


@pytest.fixture
def direct(tmp_path_factory):
    """Plans a table and gives its source."""
    folder = Folder(tmp_path_factory.mktemp("plans"))
    numbers = count()

    def source(uri, *conditions, columns=None, shards=1, batch_rows=1000, version=None):
        snapshot = open_table(Table(uri=str(uri), version=version))
        predicate = parse(conditions)
        name = f"{next(numbers)}.arrow"
        return DirectSource.of(
            write_plan(folder, name, plan(snapshot, shards=shards, predicate=predicate)),
            snapshot=snapshot,
            columns=snapshot.schema.names if columns is None else columns,
            predicate=predicate,
            batch_rows=batch_rows,
        )

    return source


@pytest.fixture(scope="session")
def rows_of():
    """The rows of a source's shards, after a check of its batches."""

    def rows(source):
        batches = [batch for shard in range(source.shards) for batch in source.read(shard)]
        assert all(batch.schema == source.schema and batch.num_rows for batch in batches)
        return pa.Table.from_batches(batches, source.schema).to_pylist()

    return rows
