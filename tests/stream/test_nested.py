"""Structs whose fields files spell or order otherwise than the table, beside Spark's reading."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, ContractError
from petafit.spark.compatibility import arrow_table
from petafit.stream.batches import normalise
from petafit.stream.scan.footers import check_footers
from petafit.stream.scan.stream import scan
from petafit.stream.scan.unreadable import naming_files
from petafit.table.filters.predicate import parse
from petafit.table.opening import open_table
from tests.releases import before
from tests.stream.files import as_delta, write

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

S = pa.struct({"name": pa.string(), "n": pa.int64()})
T = pa.struct({"N": pa.int64(), "NAME": pa.string()})
ONE, OTHER = {"name": "a", "n": 1}, {"N": 2, "NAME": "b"}
SAME = {"name": "b", "n": 2}

# What the first file has, what the second one, and what the second one's values are.
CASES: dict[str, tuple[pa.Array, pa.Array, list[Any]]] = {
    "a struct": (pa.array([ONE], S), pa.array([OTHER, None], T), [SAME, None]),
    "a list of structs": (
        pa.array([[ONE]], pa.list_(S)),
        pa.array([[OTHER, None], None, []], pa.list_(T)),
        [[SAME, None], None, []],
    ),
    "a large list of structs": (
        pa.array([[ONE]], pa.list_(S)),
        pa.array([[OTHER], None], pa.large_list(T)),
        [[SAME], None],
    ),
    "a map of structs": (
        pa.array([[("k", ONE)]], pa.map_(pa.string(), S)),
        pa.array([[("l", OTHER), ("m", None)], None], pa.map_(pa.string(), T)),
        [[("l", SAME), ("m", None)], None],
    ),
    "a struct of lists of structs": (
        pa.array([{"in": [{"x": ONE}]}], pa.struct({"in": pa.list_(pa.struct({"x": S}))})),
        pa.array([{"IN": [{"X": OTHER}]}], pa.struct({"IN": pa.list_(pa.struct({"X": T}))})),
        [{"in": [{"x": SAME}]}],
    ),
    "narrower fields": (
        pa.array([ONE], S),
        pa.array([OTHER], pa.struct({"N": pa.int16(), "NAME": pa.large_string()})),
        [SAME],
    ),
    "the same names in another order": (
        pa.array([ONE], S),
        pa.array([SAME], pa.struct({"n": pa.int64(), "name": pa.string()})),
        [SAME],
    ),
}


def files(folder: Path, first: pa.Array, second: pa.Array, name: str = "s") -> Path:
    write(folder / "0.parquet", pa.table({"id": range(len(first)), "s": first}))
    ids = range(10, 10 + len(second))
    write(folder / "1.parquet", pa.table({"id": ids, name: second}), row_group_size=2)
    return folder


def by_id(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["s"] for row in sorted(rows, key=lambda row: row["id"])]


def scanned(spark: "SparkSession", folder: Path, *conditions: str) -> list[Any]:
    snapshot = open_table(Table(uri=str(folder)))
    found = arrow_table(scan(spark, snapshot, ["id", "s"], parse(conditions))).combine_chunks()
    rows = [row for b in found.to_batches() for row in normalise(b, snapshot.schema).to_pylist()]
    return by_id(rows)


@pytest.mark.parametrize("case", CASES)
def test_fields_are_found_in_any_case(tmp_path: Path, direct: Any, rows_of: Any, case: str) -> None:
    first, second, expected = CASES[case]
    source = direct(files(tmp_path, first, second, "S"), batch_rows=2)
    assert by_id(rows_of(source)) == [*first.to_pylist(), *expected]
    kept = [value for value in expected if value is not None]
    conditions = ["s is not null", "id >= 10"]
    assert by_id(rows_of(direct(tmp_path, *conditions))) == kept


@pytest.mark.parametrize("case", CASES)
def test_spark_finds_the_same(
    spark: "SparkSession", tmp_path: Path, direct: Any, rows_of: Any, case: str
) -> None:
    first, second, _ = CASES[case]
    files(tmp_path, first, second, "S")
    if before(spark, 4, 0) and case == "narrower fields":
        with (
            pytest.raises(ContractError, match=r"1\.parquet is not.*S, N.*set `stream: direct`"),
            naming_files(),
        ):
            scanned(spark, tmp_path)
        return
    assert scanned(spark, tmp_path) == by_id(rows_of(direct(tmp_path)))
    assert _footers(direct(tmp_path))
    conditions = ["s is not null", "id >= 10"]
    assert scanned(spark, tmp_path, *conditions) == by_id(rows_of(direct(tmp_path, *conditions)))


def _footers(source: Any, **options: Any) -> list[Any]:
    return [check_footers(source, shard, print, **options) for shard in range(source.shards)]


def test_several_spellings_of_a_field_are_refused(
    tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    twins = pa.struct({"N": pa.int64(), "NaMe": pa.string(), "NAME": pa.string()})
    files(tmp_path, pa.array([[ONE]]), pa.array([[None]], pa.list_(twins)))
    message = r"Column 's' of .*1\.parquet: Several fields of a struct may be 'name'.*NaMe"
    for read in (rows_of, _footers):
        with pytest.raises(ContractError, match=message):
            read(direct(tmp_path))


def test_a_field_that_is_spelled_the_same_is_meant(
    spark: "SparkSession", tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    twins = pa.struct({"N": pa.int64(), "n": pa.int64(), "name": pa.string()})
    content = {"N": 7, "n": 2, "name": "b"}
    files(tmp_path, pa.array([[content]]), pa.array([[content]], pa.list_(twins)))
    assert by_id(rows_of(direct(tmp_path))) == [[content], [content]]
    with pytest.raises(ConfigurationError, match=r"cannot distinguish .*('n', 'N'|'N', 'n')"):
        scanned(spark, tmp_path)


def test_what_spark_cannot_tell_apart_is_refused_before_it_scans(
    tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    more = {"N": 7, "n": 2, "name": "b"}
    as_delta(
        files(tmp_path, pa.array([ONE], S), pa.array([more])),
        pa.schema({"id": pa.int64(), "s": S}),
    )
    assert by_id(rows_of(direct(tmp_path))) == [ONE, SAME]
    assert _footers(direct(tmp_path), case_sensitive=True)
    with pytest.raises(ContractError, match=r"cannot distinguish fields of column 's' .*'N', 'n'"):
        _footers(direct(tmp_path))


def test_names_are_exact_where_case_tells_them_apart(
    tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    twins = pa.struct({"n": pa.int64(), "N": pa.int64()})
    files(tmp_path, pa.array([{"n": 1, "N": 2}], twins), pa.array([{"N": 4, "n": 3}]))
    assert by_id(rows_of(direct(tmp_path))) == [{"n": 1, "N": 2}, {"n": 3, "N": 4}]
    with pytest.raises(ContractError, match=r"'s' of .*1\.parquet is not as in the rest"):
        rows_of(direct(files(tmp_path, pa.array([ONE], S), pa.array([{"n": 1, "NAMES": "b"}]))))
    files(tmp_path, pa.array([ONE], S), pa.array([OTHER], T))
    assert by_id(rows_of(direct(tmp_path))) == [ONE, SAME]
    with pytest.raises(ContractError, match=r"'s' of .*1\.parquet is not as in the rest"):
        _footers(direct(tmp_path), case_sensitive=True)


LATER = {
    "fewer fields": (pa.array([{"NAME": "b"}, None]), [{"name": "b", "n": None}, None]),
    "none of the fields": (
        pa.array([{"x": 1}, None]),
        [{"name": None, "n": None}, None],
    ),
    "more fields": (pa.array([{**OTHER, "x": 1}]), [SAME]),
}


@pytest.mark.parametrize("case", LATER)
def test_files_of_a_delta_table_may_have_other_fields(
    spark: "SparkSession", tmp_path: Path, direct: Any, rows_of: Any, case: str
) -> None:
    column, expected = LATER[case]
    schema = pa.schema({"id": pa.int64(), "s": S})
    as_delta(files(tmp_path, pa.array([ONE], S), column), schema)
    assert by_id(rows_of(direct(tmp_path))) == [ONE, *expected]
    if before(spark, 4, 1) and case == "none of the fields":
        expected = [None, None]
    assert scanned(spark, tmp_path) == [ONE, *expected]


@pytest.mark.parametrize("case", ["fewer fields", "more fields"])
def test_files_of_a_parquet_table_may_not(
    tmp_path: Path, direct: Any, rows_of: Any, case: str
) -> None:
    files(tmp_path, pa.array([ONE], S), LATER[case][0])
    with pytest.raises(ContractError, match=r"'s' of .*1\.parquet is not as in the rest"):
        rows_of(direct(tmp_path))


def test_a_delta_tables_log_spells_the_fields(
    spark: "SparkSession", tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    schema = pa.schema({"id": pa.int64(), "s": pa.list_(S)})
    as_delta(files(tmp_path, pa.array([[ONE]]), pa.array([[OTHER]], pa.list_(T))), schema)
    assert by_id(rows_of(direct(tmp_path))) == [[ONE], [SAME]] == scanned(spark, tmp_path)


def test_a_field_without_a_type_is_read_directly_only(
    tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    untyped = pa.struct({"N": pa.int64(), "name": pa.null()})
    files(tmp_path, pa.array([[ONE]]), pa.array([[OTHER]], pa.list_(untyped)))
    assert by_id(rows_of(direct(tmp_path))) == [[ONE], [{"name": None, "n": 2}]]
    with pytest.raises(ContractError, match=r"Spark cannot read column 's' of .*1\.parquet"):
        _footers(direct(tmp_path))


def test_points_in_time_within_structs_are_read_as_spark_reads_them(
    spark: "SparkSession", tmp_path: Path, direct: Any, rows_of: Any
) -> None:
    table = tmp_path / "table"
    made = spark.sql(
        "SELECT id, named_struct('At', timestamp '2020-01-01 12:00:00.001Z' + id * interval 1 hour,"
        " 'days', array(date '2020-01-01' + CAST(id AS INT))) AS s FROM range(5)"
    )
    made.write.format("delta").save(str(table))
    rows = by_id(rows_of(direct(table)))
    assert [row["At"].hour for row in rows] == [12, 13, 14, 15, 16]
    assert rows == scanned(spark, table)


@pytest.mark.parametrize("format", ["parquet", "delta"])
def test_a_field_named_in_another_unicode_form_is_refused(
    tmp_path: Path, direct: Any, rows_of: Any, format: str
) -> None:
    files(tmp_path, pa.array([{"caf\u00e9": 1}]), pa.array([{"cafe\u0301": 2}]))
    if format == "delta":
        as_delta(tmp_path, open_table(Table(uri=str(tmp_path))).schema)
    message = (
        r"'s' of .*1\.parquet: A field of a struct is named in another.*xe9'; got 'cafe.u0301'"
    )
    with pytest.raises(ContractError, match=message):
        rows_of(direct(tmp_path))
