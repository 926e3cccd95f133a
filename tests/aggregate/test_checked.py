import pyarrow as pa
import pytest

from petafit.aggregate.checked import Checked, CheckedResult
from petafit.config.settings import ColumnRule, Contract
from petafit.errors import ContractError
from petafit.table.contract import compile_checks
from tests.aggregate.toys import SCHEMA, Total

CHECKS = compile_checks(Contract(columns={"x": ColumnRule(min=0)}), SCHEMA)
CHECKED = Checked(CHECKS, Total())


def batch(*values: float) -> pa.RecordBatch:
    return pa.record_batch([pa.array(values, pa.float64())], schema=SCHEMA)


def aggregated(*shards: list[pa.RecordBatch]) -> CheckedResult[float]:
    summaries = []
    for shard in shards:
        state = CHECKED.start()
        for rows in shard:
            state = CHECKED.load(CHECKED.dump(CHECKED.reduce(state, rows)))
        summaries.append(CHECKED.lift(state))
    merged = summaries[0]
    for summary in summaries[1:]:
        merged = CHECKED.merge(merged, summary)
    return CHECKED.finish(merged)


def test_bad_rows_are_counted_and_left_out() -> None:
    checked = aggregated([batch(1, -1, 2)], [], [batch(-5), batch(4)])
    assert checked.result == 7
    assert checked.counts == {"in": 5, "used": 3, "quarantined": 2}
    assert checked.example == "x is -1, below 0"


def test_too_many_bad_rows_are_refused_with_an_example() -> None:
    checked = aggregated([batch(1, -1, 2, 3)])
    assert checked.require(0.25) == 6
    with pytest.raises(ContractError, match=r"1 of 4 rows .* got 25.00%.* x is -1, below 0"):
        checked.require(0.2)


def test_bad_rows_only_are_refused() -> None:
    with pytest.raises(ContractError, match="All 2 rows break the contract"):
        aggregated([batch(-1, -2)])
