"""Every Arrow type has a type of Delta's, or an error."""

import pyarrow as pa
import pytest
from deltalake import Schema

from petafit.errors import ConfigurationError, ContractError
from petafit.table.writers.types import (
    as_written,
    loses_nanoseconds,
    written_schema,
    written_type,
)
from tests import kinds


def test_the_log_holds_the_very_types_of_the_files() -> None:
    written = written_schema(kinds.table().schema)
    logged = Schema.from_arrow(written)
    assert pa.schema(logged.to_arrow()) == written
    assert [written_type(field.type) for field in written] == written.types


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.decimal128(5, -2), pa.decimal128(7, 0)),
        (pa.decimal128(38, -2), pa.string()),
        (pa.decimal128(3, 5), pa.decimal128(5, 5)),
        (pa.decimal256(39, 0), pa.string()),
        (pa.run_end_encoded(pa.int32(), pa.uint8()), pa.int16()),
        (pa.large_list_view(pa.time32("s")), pa.list_(pa.field("element", pa.string()))),
    ],
)
def test_unsupported_types_are_written_as_supported_ones(
    kind: pa.DataType, expected: pa.DataType
) -> None:
    assert written_type(kind) == expected


@pytest.mark.parametrize(
    "kind",
    [
        pa.duration("s"),
        pa.month_day_nano_interval(),
        pa.list_(pa.duration("s")),
        pa.dense_union([pa.field("a", pa.int8())]),
    ],
)
def test_a_type_that_no_table_has_is_refused_by_the_columns_name(kind: pa.DataType) -> None:
    with pytest.raises(ConfigurationError, match="'odd'"):
        written_schema(pa.schema({"odd": kind}))


def test_a_timestamp_out_of_range_is_refused_with_the_columns_name() -> None:
    far = pa.record_batch({"then": pa.array([2**62], pa.timestamp("s"))})
    with pytest.raises(ContractError, match="'then'"):
        as_written(far)


def test_nanoseconds_are_found_however_deep_they_lie() -> None:
    deep = pa.map_(pa.string(), pa.list_(pa.struct({"t": pa.timestamp("ns", "UTC")})))
    assert loses_nanoseconds(deep)
    assert not loses_nanoseconds(pa.list_(pa.timestamp("us")))
