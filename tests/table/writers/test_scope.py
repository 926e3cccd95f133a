"""Replacing a part of a table: the rest stays, whoever else writes and whenever somebody dies."""

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, ConflictError, ContractError
from petafit.table.opening import open_table
from petafit.table.snapshot import Format
from petafit.table.writers.files import PartitionedWriter
from petafit.table.writers.output import Output
from petafit.table.writers.scope import WHOLE, Scope

SCHEMA = pa.schema([("x", pa.int64()), ("city", pa.string())])
CITIES = ("a b", "c%20d", None, "é/=x")


@pytest.fixture(params=["delta", "parquet"])
def format(request: pytest.FixtureRequest) -> Format:
    return request.param  # type: ignore[no-any-return]


def cities(*names: str | None) -> Scope:
    return Scope(("city",), frozenset((name,) for name in names))


def begin(folder: Path, format: Format, key: str, scope: Scope = WHOLE, **options: Any) -> Output:
    options = {"schema": SCHEMA, "partition_by": ("city",), **options}
    output = Output(str(folder / "t"), format, key=key, scope=scope, **options)
    output.clear()
    output.check()
    return output.begun(str(folder / "runs" / key))[0]


def write(output: Output, rows: Sequence[tuple[int, str | None]]) -> Output:
    """Write rows and commit them."""
    writer = PartitionedWriter(output.staging, output.partition_by)
    xs, names = zip(*rows, strict=True)
    columns = {"x": pa.array(xs, pa.int64()), "city": pa.array(names, pa.string())}
    writer.write(pa.record_batch({name: columns[name] for name in columns}))
    output.commit(writer.close())
    return output


def rows(output: Output) -> dict[str | None, list[int]]:
    found: dict[str | None, list[int]] = {}
    for file in open_table(Table(uri=output.uri)).files:
        xs = ds.dataset(file.path, format="parquet").to_table()["x"].to_pylist()
        found.setdefault(file.partition["city"], []).extend(xs)  # type: ignore[call-overload]
    return {city: sorted(xs) for city, xs in found.items()}


def leftovers(output: Output) -> set[str]:
    """Folders that are neither a table nor a run."""
    folder = Path(output.uri)
    notes = folder / "_petafit_writing"
    beside = {path.name for path in folder.parent.iterdir()} - {"t", "runs"}
    found = beside | {path.name for path in (notes.iterdir() if notes.exists() else ())}
    return {name for name in found if not name.endswith(".tmp")}  # those go after a day


@pytest.mark.parametrize("replaced", [("a b",), ("c%20d", None), CITIES])
def test_the_partitions_of_the_scope_are_replaced_and_no_others(
    tmp_path: Path, format: Format, replaced: tuple[str | None, ...]
) -> None:
    first = write(begin(tmp_path, format, "k1"), [(i, city) for i, city in enumerate(CITIES)])
    write(begin(tmp_path, format, "k2", cities(*replaced)), [(10, city) for city in replaced])
    expected = {city: [10 if city in replaced else i] for i, city in enumerate(CITIES)}
    assert rows(first) == expected
    assert leftovers(first) == set()


def test_a_part_of_a_table_that_is_not_there_yet_is_all_of_it(
    tmp_path: Path, format: Format
) -> None:
    output = write(begin(tmp_path, format, "k1", cities("a b")), [(1, "a b")])
    assert rows(output) == {"a b": [1]}


def test_parts_that_are_written_at_once_are_both_there(tmp_path: Path, format: Format) -> None:
    write(begin(tmp_path, format, "k0"), [(0, "old"), (0, "a b")])
    one = begin(tmp_path, format, "k1", cities("a b"))
    two = begin(tmp_path, format, "k2", cities(None))
    write(two, [(2, None)])
    write(one, [(1, "a b")])
    assert rows(one) == {"old": [0], "a b": [1], None: [2]}


@pytest.mark.parametrize("old", [True, False], ids=["a table", "no table"])
def test_of_two_who_write_the_same_part_at_once_one_is_refused(
    tmp_path: Path, format: Format, old: bool
) -> None:
    if old:
        write(begin(tmp_path, format, "k0"), [(0, "a b"), (0, "old")])
    one, two = (begin(tmp_path, format, key, cities("a b", None)) for key in ("k1", "k2"))
    write(two, [(2, None)])
    with pytest.raises(ConflictError, match="same part"):
        write(one, [(1, "a b")])
    assert rows(two) == ({"old": [0], None: [2]} if old else {None: [2]})
    write(begin(tmp_path, format, "k1", cities("a b", None)), [(1, "a b")])
    assert rows(two) == ({"old": [0], "a b": [1]} if old else {"a b": [1]})


def test_of_two_concurrent_writers_of_a_table_one_is_refused(
    tmp_path: Path, format: Format
) -> None:
    one, two = (begin(tmp_path, format, key) for key in ("k1", "k2"))
    write(one, [(1, "a b")])
    with pytest.raises(ConflictError, match="same part"):
        write(two, [(2, None)])
    assert rows(one) == {"a b": [1]}


def test_rows_outside_the_scope_are_refused(tmp_path: Path, format: Format) -> None:
    output = begin(tmp_path, format, "k1", cities("a b"))
    with pytest.raises(ContractError, match="another partition"):
        write(output, [(1, "a b"), (2, "elsewhere")])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": SCHEMA.set(0, pa.field("x", pa.float64()))}, "'x' is of another type"),
        ({"partition_by": (), "scope": Scope(("x",), frozenset([("1",)]))}, "other columns"),
    ],
)
def test_rows_that_do_not_fit_the_old_ones_are_refused_first(
    tmp_path: Path, format: Format, changes: dict[str, Any], message: str
) -> None:
    output = write(begin(tmp_path, format, "k1"), [(1, "a b")])
    with pytest.raises(ConfigurationError, match=message):
        replace(output, **{"key": "k2", "scope": cities("a b"), **changes}).check()


def test_a_new_column_is_null_in_the_rows_that_delta_keeps(tmp_path: Path) -> None:
    first = write(begin(tmp_path, "delta", "k1"), [(1, "old"), (1, "a b")])
    wider = pa.schema([("x", pa.int64()), ("y", pa.float64()), ("city", pa.string())])
    output = begin(tmp_path, "delta", "k2", cities("a b"), schema=wider)
    writer = PartitionedWriter(output.staging, ["city"])
    writer.write(pa.record_batch({"x": [2], "y": [0.5], "city": ["a b"]}))
    output.commit(writer.close())
    found = DeltaTable(first.uri).to_pyarrow_table().sort_by("x").to_pylist()
    assert found == [{"x": 1, "y": None, "city": "old"}, {"x": 2, "y": 0.5, "city": "a b"}]


def test_a_part_of_a_parquet_table_that_is_not_on_the_local_disk_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from petafit.store.filesystem import Folder

    write(begin(tmp_path, "parquet", "k1"), [(1, "a b")])
    monkeypatch.setattr(Folder, "is_local", property(lambda _: False))
    with pytest.raises(ConfigurationError, match="Use format: delta"):
        begin(tmp_path, "parquet", "k2", cities("a b"))


def test_spark_reads_a_table_of_which_parts_were_replaced(
    spark: Any, tmp_path: Path, format: Format
) -> None:
    first = write(begin(tmp_path, format, "k1"), [(i, city) for i, city in enumerate(CITIES)])
    write(begin(tmp_path, format, "k2", cities("a b", None)), [(10, "a b"), (11, None)])
    frame = spark.read.format(format).load(first.uri)
    found = {(row.x, row.city) for row in frame.collect()}
    assert found == {(10, "a b"), (1, "c%20d"), (11, None), (3, "é/=x")}
    assert frame.where("city = 'a b'").count() == 1


WRITE_FOREVER = """
import sys, pyarrow as pa
from pathlib import Path
from petafit.store.runs import RunStore
from tests.store.running import begin as run
from tests.table.writers.test_scope import begin, cities, write
folder, format, city = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
store = RunStore(folder / "runs")
for number in range(1, 1_000_000):
    key = f"{city}-{number}"
    with run(store, key):
        output = begin(folder, format, key, cities(city))
        write(output, [(number, city), (number, city)])
    print(number, flush=True)
"""


def start_writer(folder: Path, format: Format, city: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE_FOREVER, str(folder), format, city]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("attempt", range(4))
def test_a_writer_killed_anywhere_leaves_the_old_rows_or_the_new_ones(
    tmp_path: Path, format: Format, attempt: int
) -> None:
    write(begin(tmp_path, format, "k0"), [(0, "a"), (0, "a"), (0, "stays")])
    with start_writer(tmp_path, format, "a") as writer:
        assert writer.stdout
        for _ in range(attempt + 1):
            said = int(writer.stdout.readline())
        time.sleep(random.uniform(0, 0.08))
        writer.kill()
        said = max([said, *map(int, writer.stdout.read().split())])
    after = write(begin(tmp_path, format, "after", cities("b")), [(7, "b")])
    found = rows(after)
    assert found.keys() == {"a", "b", "stays"}
    assert found["a"] in [[number] * 2 for number in (said, said + 1)]
    assert leftovers(after) == set()
    log = DeltaTable(after.uri).file_uris() if format == "delta" else []
    staged = {path.name for path in Path(after.uri).iterdir() if path.name.startswith("a-")}
    committed = {f"a-{number}" for number in range(1, said + 2)}
    assert staged <= committed
    assert all(Path(uri).exists() for uri in log)


def test_concurrent_writers_of_two_parts_both_succeed(tmp_path: Path, format: Format) -> None:
    with start_writer(tmp_path, format, "a") as one, start_writer(tmp_path, format, "b") as two:
        for writer in (one, two):
            assert writer.stdout
            for _ in range(8):
                assert writer.stdout.readline()
        one.kill()
        two.kill()
    output = write(begin(tmp_path, format, "after", cities("c")), [(7, "c")])
    found = rows(output)
    assert found.keys() == {"a", "b", "c"}
    assert min(found["a"][0], found["b"][0]) >= 8
