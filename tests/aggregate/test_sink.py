"""Writing files as an aggregation: the law, and one pass of the local engine."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.aggregate.sink import WriteFiles
from petafit.datasets.clicks import PROBABILITY, Clicks
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from petafit.store.filesystem import Folder

CLICKS = Clicks(rows=2_000, days=4, block_rows=150, shards=3)


def summaries(sink: WriteFiles, clicks: Clicks) -> list[StateDict]:
    lifted = []
    for shard in range(clicks.shards):
        state = sink.start()
        for batch in clicks.read(shard):
            state = sink.reduce(state, batch)
        lifted.append(sink.lift(state))
    return lifted


def sink(folder: Path) -> WriteFiles:
    return WriteFiles(Folder(folder), ["day"], drop=[PROBABILITY], file_rows=400)


def test_all_rows_arrive_without_the_dropped_columns(tmp_path: Path) -> None:
    one, two, three = summaries(sink(tmp_path), CLICKS)
    files = sink(tmp_path).finish(sink(tmp_path).merge(sink(tmp_path).merge(one, two), three))
    assert sum(file.rows for file in files) == 2_000
    table = pa.concat_tables(
        pq.read_table(tmp_path / file.path, partitioning=None) for file in files
    )
    assert table.num_rows == 2_000
    assert table.schema.names == [n for n in CLICKS.table_schema.names if n != "day"]


def test_merge_is_associative_and_an_empty_shard_changes_nothing(tmp_path: Path) -> None:
    writes = sink(tmp_path)
    one, two, three = summaries(writes, CLICKS)
    assert writes.merge(writes.merge(one, two), three) == writes.merge(
        one, writes.merge(two, three)
    )
    assert writes.merge(one, writes.lift(writes.start())) == one


@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_a_checkpoint_changes_no_byte(tmp_path: Path, stop: int) -> None:
    clicks = Clicks(rows=2_000, days=4, block_rows=150)
    [expected] = summaries(sink(tmp_path / "a"), clicks)
    writes, batches = sink(tmp_path / "b"), list(clicks.read(0))
    state = writes.start()
    for batch in batches[:stop]:
        state = writes.reduce(state, batch)
    state = writes.load(from_bytes(to_bytes(writes.dump(state))))
    for batch in batches[stop:]:
        state = writes.reduce(state, batch)
    assert writes.lift(state) == expected
    assert Folder(tmp_path / "a").files() == Folder(tmp_path / "b").files()
