"""Delta tables: the log, and tables whose files alone do not hold the rows."""

import base64
import datetime
import json
import string
import struct
from decimal import Decimal

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from petafit.config.settings import Table
from petafit.errors import ConfigurationError, StorageError
from petafit.table.delta import open_delta
from petafit.table.opening import open_table

INSTANT = datetime.datetime(2020, 1, 1, 1, 2, 3, tzinfo=datetime.UTC)
PARTITIONED = pa.table(
    {
        "x": pa.array([1, 2, 3], pa.int16()),
        "p": ["x y", "a%20b", None],
        "day": [datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3)],
        "then": pa.array([INSTANT, None, INSTANT], pa.timestamp("us", "UTC")),
        "amount": pa.array([Decimal("1.50"), None, Decimal("2.25")], pa.decimal128(10, 2)),
        "late": [True, None, False],
    }
)
RFC_1924 = (
    string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"
)
Z85 = string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#"
PLAIN_PROTOCOL = {"minReaderVersion": 1, "minWriterVersion": 2}


def write_log(folder, *, protocol=PLAIN_PROTOCOL, configuration=None, metadata=None, **add):
    """A table of one file that is named, not written."""
    field = {"name": "x", "type": "long", "nullable": True, "metadata": metadata or {}}
    actions = [
        {"protocol": protocol},
        {
            "metaData": {
                "id": "6b1c8a3e-6a3b-4f0e-9d0e-0f5d2f1f0a01",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": [field]}),
                "partitionColumns": [],
                "configuration": configuration or {},
                "createdTime": 0,
            }
        },
        {
            "add": {
                "path": "part-0.parquet",
                "partitionValues": {},
                "size": 100,
                "modificationTime": 0,
                "dataChange": True,
                **add,
            }
        },
    ]
    log = folder / "_delta_log" / f"{0:020}.json"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(map(json.dumps, actions)))


def deletion_vector(first, second):
    """Two deleted rows of a file, kept within the log: Delta's protocol, "Deletion Vectors"."""
    bitmap = struct.pack("<IIHHIHH", 12346, 1, 0, 1, 16, first, second)  # Roaring, one container
    content = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    text = base64.b85encode(content).decode().translate(str.maketrans(RFC_1924, Z85))
    size = len(content)
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": size, "cardinality": 2}


def features(*names):
    return {
        "minReaderVersion": 3,
        "minWriterVersion": 7,
        "readerFeatures": list(names),
        "writerFeatures": list(names),
    }


def test_partition_values_and_paths_come_decoded_from_the_log(tmp_path):
    columns = ("p", "day", "then", "amount", "late")
    write_deltalake(tmp_path, PARTITIONED, partition_by=list(columns))
    snapshot = open_table(Table(uri=str(tmp_path)))
    assert (snapshot.format, snapshot.version, snapshot.rows) == ("delta", 0, 3)
    assert snapshot.partition_columns == columns
    assert snapshot.schema == PARTITIONED.schema
    assert snapshot.scan_reason is None
    paths = sorted(map(str, tmp_path.glob("p=*/**/*.parquet")))
    assert sorted(file.path for file in snapshot.files) == paths
    found = [dict(file.partition) for file in snapshot.files]
    expected = PARTITIONED.select(columns).to_pylist()
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_version_stays_pinned_whatever_is_written_later(tmp_path):
    write_deltalake(tmp_path, pa.table({"x": [1, 2]}))
    write_deltalake(tmp_path, pa.table({"x": [3]}), mode="overwrite")
    assert open_delta(str(tmp_path)).version == 1
    old = open_delta(str(tmp_path), version=0)
    assert (old.version, old.rows) == (0, 2)


@pytest.mark.parametrize("version", [1, -1])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(tmp_path, version):
    write_deltalake(tmp_path, pa.table({"x": [1, 2]}))
    with pytest.raises(ConfigurationError, match="a version from 0 to 0"):
        open_delta(str(tmp_path), version=version)


def versions(folder, *, count=12):
    """Every third replaces all rows."""
    for number in range(count):
        mode = "append" if number % 3 else "overwrite"
        write_deltalake(folder, pa.table({"x": [number]}), mode=mode)
    return DeltaTable(folder)


def test_a_version_whose_files_were_cleaned_up_is_refused_with_the_oldest_there_is(tmp_path):
    versions(tmp_path).vacuum(0, dry_run=False, enforce_retention_duration=False)
    for version in (0, 4, 8):
        with pytest.raises(
            ConfigurationError,
            match=rf"Version {version} .* was cleaned up.*a version from 9 to 1\d; got no file /",
        ):
            open_delta(str(tmp_path), version=version)
    assert open_delta(str(tmp_path), version=9).rows == 1
    assert open_delta(str(tmp_path), version=10).rows == 2
    assert open_delta(str(tmp_path)).rows == 3


def test_a_version_removed_from_the_log_is_refused_with_the_oldest_one(tmp_path):
    versions(tmp_path).create_checkpoint()
    write_deltalake(tmp_path, pa.table({"x": [12]}), mode="append")
    for number in range(9):
        (tmp_path / "_delta_log" / f"{number:020}.json").unlink()
    for version in (0, 8, 10):
        with pytest.raises(ConfigurationError, match="from 11 to 12; got one that was cleaned up"):
            open_delta(str(tmp_path), version=version)
    assert open_delta(str(tmp_path), version=11).rows == 3


def test_a_stack_trace_of_delta_rs_is_left_out(tmp_path, monkeypatch):
    write_deltalake(tmp_path, pa.table({"n": [1]}))
    (tmp_path / "_delta_log" / f"{1:020}.json").write_text('{"add": ')
    with pytest.raises(StorageError) as error:
        open_delta(str(tmp_path))
    assert error.value.got
    assert "\n" not in error.value.got


def test_a_damaged_log_is_named(tmp_path):
    write_deltalake(tmp_path, pa.table({"x": [1, 2]}))
    (tmp_path / "_delta_log" / f"{0:020}.json").write_text("{")
    with pytest.raises(StorageError, match=r"(?s)log of the Delta table at.* It is damaged"):
        open_delta(str(tmp_path))
    with pytest.raises(StorageError, match="log of the Delta table at"):
        open_delta(str(tmp_path), version=0)


def test_a_log_without_statistics_promises_no_rows(tmp_path):
    write_log(tmp_path)
    snapshot = open_delta(str(tmp_path))
    assert snapshot.files[0].rows is None
    assert snapshot.rows is None


def test_a_table_without_files_has_a_schema(tmp_path):
    DeltaTable.create(str(tmp_path), pa.schema({"x": pa.int32()}), partition_by="x")
    snapshot = open_delta(str(tmp_path))
    assert (snapshot.files, snapshot.rows) == ((), 0)
    assert snapshot.schema == pa.schema({"x": pa.int32()})


def test_files_elsewhere_are_found_as_in_a_shallow_clone(tmp_path):
    write_log(tmp_path, path="file:/other/table/p=a%2520b/part-0.parquet")
    assert open_delta(str(tmp_path)).files[0].path == "/other/table/p=a%20b/part-0.parquet"


def test_the_deletion_vectors_of_these_tests_are_real(tmp_path):
    vector = deletion_vector(3, 7)
    stats = json.dumps({"numRecords": 30})
    write_log(tmp_path, protocol=features("deletionVectors"), deletionVector=vector, stats=stats)
    found = pa.table(DeltaTable(str(tmp_path)).deletion_vectors())
    kept = found["selection_vector"].to_pylist()[0]
    assert [row for row, is_kept in enumerate(kept) if not is_kept] == [3, 7]


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ({"protocol": features("timestampNtz")}, None),
        ({"protocol": features("deletionVectors")}, None),
        (
            {"protocol": features("deletionVectors"), "deletionVector": deletion_vector(3, 7)},
            "deletion vectors",
        ),
        (
            {
                "protocol": features("deletionVectors"),
                "deletionVector": {**deletion_vector(3, 7), "sizeInBytes": 35},
            },
            "deletion vectors",
        ),
        ({"protocol": features("v2Checkpoint")}, "v2Checkpoint"),
        ({"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, "version 2"),
        (
            {
                "configuration": {"delta.columnMapping.mode": "name"},
                "metadata": {
                    "delta.columnMapping.id": 1,
                    "delta.columnMapping.physicalName": "col-1",
                },
            },
            "maps its columns",
        ),
        ({"configuration": {"delta.columnMapping.mode": "none"}}, None),
        (
            {
                "metadata": {
                    "delta.typeChanges": [{"fromType": "integer", "toType": "long"}],
                }
            },
            "type of a column was changed",
        ),
    ],
)
def test_files_are_read_directly_only_if_they_hold_the_rows(tmp_path, log, reason):
    write_log(tmp_path, stats=json.dumps({"numRecords": 30}), **log)
    snapshot = open_delta(str(tmp_path))
    if reason is None:
        assert snapshot.scan_reason is None
        assert snapshot.rows == 30
    else:
        assert reason in snapshot.scan_reason
        assert snapshot.rows is None
