"""The data contract, against row-by-row references."""

import math
import pickle
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petafit.config.settings import Contract
from petafit.errors import ContractError
from petafit.table.contract import Checks, check_schema, compile_checks

SCHEMA = pa.schema(
    [
        ("distance", pa.float64()),
        ("carrier", pa.dictionary(pa.int32(), pa.string())),
        ("month", pa.int32()),
        ("late", pa.bool_()),
    ]
)
CONTRACT = Contract(
    columns={
        "distance": {"type": "float64", "nullable": False, "min": 0, "max": 6000},
        "carrier": {"type": "string", "allowed": ["AA", "UA"]},
        "month": {"allowed": list(range(1, 13))},
    }
)


def batch(**columns: list[object]) -> pa.RecordBatch:
    rows = len(next(iter(columns.values())))
    good = {"distance": 100.0, "carrier": "AA", "month": 1, "late": True}
    filled = {name: columns.get(name, [value] * rows) for name, value in good.items()}
    arrays = [pa.array(values, SCHEMA.field(name).type) for name, values in filled.items()]
    return pa.record_batch(arrays, schema=SCHEMA)


def test_good_rows_have_no_reasons_and_are_not_copied() -> None:
    checks = compile_checks(CONTRACT, SCHEMA, required=["late"])
    rows = batch(distance=[0.0, 6000.0], carrier=["UA", None])
    assert checks.reasons(rows) is None
    assert checks.split(rows) == (rows, 0)
    assert checks.split(rows)[0] is rows


def test_a_bad_row_has_its_violation() -> None:
    checks = compile_checks(CONTRACT, SCHEMA, required=["late"], finite=["distance"])
    rows = batch(
        distance=[-5.0, math.inf, 6000.5, None, math.nan, 1.0, 1.0, 1.0, 1.0],
        carrier=["AA", "AA", "AA", "AA", "AA", "XX", None, "AA", "UA"],
        month=[1, 1, 1, 1, 1, 13, 13, 1, 1],
        late=[True, True, True, True, True, True, True, None, False],
    )
    months = "none of 1, 2, 3, 4, 5, 6, ..."
    reasons = checks.reasons(rows)
    assert reasons is not None
    assert reasons.to_pylist() == [
        "distance is -5, below 0",
        "distance is inf, not finite",
        "distance is 6000.5, above 6000",
        "distance is missing",
        "distance is missing",
        "carrier is XX, none of 'AA', 'UA'",
        f"month is 13, {months}",
        "late is missing",
        None,
    ]
    assert checks.split(rows) == (rows.slice(8), 8)


def test_nulls_and_nan_pass_where_missing_values_are_allowed() -> None:
    contract = Contract(columns={"distance": {"min": 0}})
    checks = compile_checks(contract, SCHEMA, finite=["distance"])
    assert checks.reasons(batch(distance=[None, math.nan])) is None


def test_a_weight_must_not_be_negative_whatever_the_contract_allows() -> None:
    contract = Contract(columns={"distance": {"min": -10}})
    checks = compile_checks(contract, SCHEMA, non_negative=["distance"])
    assert checks.split(batch(distance=[-1.0, 0.0]))[1] == 1


def test_unused_and_null_values_of_a_dictionary_are_no_fault_of_its_rows() -> None:
    values = pa.DictionaryArray.from_arrays(pa.array([0, 2], pa.int32()), ["AA", "XX", None])
    rows = batch(carrier=["AA", "AA"]).set_column(1, "carrier", values)
    assert compile_checks(CONTRACT, SCHEMA).reasons(rows) is None
    required = compile_checks(CONTRACT, SCHEMA, required=["carrier"]).reasons(rows)
    assert required is not None
    assert required.to_pylist() == [None, "carrier is missing"]


def test_decimals_and_columns_of_nothing_but_nulls_are_checked_too() -> None:
    prices = pa.array([Decimal("1.50"), Decimal("-0.01"), None], pa.decimal128(10, 2))
    rows = pa.record_batch({"price": prices, "empty": pa.nulls(3)})
    contract = Contract(columns={"price": {"min": 0}, "empty": {"max": 1}})
    reasons = compile_checks(contract, rows.schema, finite=["price"]).reasons(rows)
    assert reasons is not None
    assert reasons.to_pylist() == [None, "price is -0.01, below 0", None]


def test_only_columns_with_constraints_on_their_rows_are_read() -> None:
    contract = Contract(columns={"month": {"type": "int32"}, "late": {"nullable": False}})
    assert compile_checks(contract, SCHEMA, finite=["month"]).columns == ("late",)


def test_checks_travel() -> None:
    checks = compile_checks(CONTRACT, SCHEMA, required=["late"])
    assert pickle.loads(pickle.dumps(checks)) == checks


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.none() | st.floats(width=32), st.none() | st.sampled_from(["AA", "UA", "x"])),
        min_size=1,
    )
)
def test_the_same_rows_are_bad_as_one_by_one(rows: list[tuple[float | None, str | None]]) -> None:
    distances, carriers = map(list, zip(*rows, strict=True))
    checks = compile_checks(CONTRACT, SCHEMA, finite=["distance"])
    reasons = checks.reasons(batch(distance=distances, carrier=carriers))
    bad = [False] * len(rows) if reasons is None else reasons.is_valid().to_pylist()
    assert bad == [
        distance is None or not 0 <= distance <= 6000 or carrier == "x"
        for distance, carrier in rows
    ]


def test_a_missing_column_is_named_with_the_closest_one() -> None:
    with pytest.raises(ContractError, match=r"no column 'dist'.*Did you mean"):
        compile_checks(Contract(), SCHEMA, required=["dist"])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"type": "int64"}, "'carrier' has another type.*expected int64; got string. Correct"),
        ({"min": 0}, "'carrier' must be numeric.* Cast the column"),
        ({"allowed": [1]}, "the column 'carrier' cannot hold.* Correct `contract"),
    ],
)
def test_a_column_that_cannot_meet_its_rule_is_refused(
    rule: dict[str, object], message: str
) -> None:
    with pytest.raises(ContractError, match=message):
        compile_checks(Contract(columns={"carrier": rule}), SCHEMA)


@pytest.mark.parametrize("needs", ["finite", "non_negative"])
def test_a_number_that_the_job_needs_must_be_one(needs: str) -> None:
    with pytest.raises(ContractError, match="'late' must be numeric"):
        compile_checks(Contract(), SCHEMA, **{needs: ["late"]})


def test_no_rules_find_nothing() -> None:
    assert Checks().reasons(batch(distance=[math.nan])) is None


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (pa.int64(), pa.int32()),
        (pa.int64(), pa.float32()),
        (pa.large_string(), pa.dictionary(pa.int32(), pa.string())),
        (pa.timestamp("ns", "UTC"), pa.timestamp("us", "UTC")),
        (pa.null(), pa.string()),
    ],
)
def test_another_width_of_the_same_kind_fits(got: pa.DataType, expected: pa.DataType) -> None:
    check_schema(pa.schema([("x", got)]), pa.schema([("x", expected)]))


@pytest.mark.parametrize(
    ("got", "expected"),
    [(pa.float64(), pa.int32()), (pa.string(), pa.int32()), (pa.int32(), pa.bool_())],
)
def test_another_kind_does_not_fit(got: pa.DataType, expected: pa.DataType) -> None:
    with pytest.raises(
        ContractError, match=f"'x' has another type; expected {expected}; got .* Cast"
    ):
        check_schema(pa.schema([("x", got)]), pa.schema([("x", expected)]))


def test_a_column_the_rows_lack_is_named() -> None:
    with pytest.raises(ContractError, match="no column 'month'"):
        check_schema(pa.schema([("months", pa.int32())]), SCHEMA.empty_table().select([2]).schema)


def test_both_zeros_are_allowed_and_a_missing_number_is_no_other_value() -> None:
    schema = pa.schema({"x": pa.float64()})
    checks = compile_checks(Contract(columns={"x": {"allowed": [0.0, 1]}}), schema)
    rows = pa.record_batch([pa.array([0.0, -0.0, 1.0, math.nan, None])], schema=schema)
    assert checks.reasons(rows) is None
