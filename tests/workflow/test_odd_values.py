"""Values that Python cannot hold: the right answer, or one message with the column's name."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.config.settings import Settings
from petafit.errors import ContractError
from petafit.models.model import load_model
from petafit.workflow.init import write_task_file
from petafit.workflow.train import train
from tests.small import replace_column, rewrite, table, with_settings

ROWS = 6000


def not_utf8() -> pa.StringArray:
    raw = pa.array([[b"\xff\xfe", b"abc", b"\xc3("][i % 3] for i in range(ROWS)])
    return pa.StringArray.from_buffers(ROWS, *raw.buffers()[1:])


def numbers(first: int, kind: pa.DataType) -> pa.Array:
    return pa.array(range(first, first + ROWS), pa.int64()).cast(kind)


ODD = {
    "year 11000": numbers(2**58, pa.timestamp("us")),
    "before year 1": numbers(-63 * 10**15, pa.timestamp("us", "UTC")),
    "far date": numbers(3_000_000, pa.int64()).cast(pa.int32()).cast(pa.date32()),
    "uint64": pa.array([2**64 - 1 - i for i in range(ROWS)], pa.uint64()),
    "digits": pa.array([Decimal(10) ** 60 * i for i in range(ROWS)], pa.decimal256(70, 2)),
    "not UTF-8": not_utf8(),
    "zero byte": pa.array([["a\0b", "", "\0"][i % 3] for i in range(ROWS)]),
    "float16": pa.array(np.arange(ROWS).astype("float16")),
    "time": numbers(0, pa.int64()).cast(pa.time64("us")),
}
if hasattr(pa, "decimal32"):  # since pyarrow 19
    for kind in (pa.decimal32(7, 2), pa.decimal64(12, 2)):
        ODD[str(kind)] = pa.array([Decimal(i) / 100 for i in range(ROWS)], kind)


@pytest.fixture
def odd(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    rewrite(settings, table().append_column("odd", ODD[request.param]))
    return settings


each = pytest.mark.parametrize("odd", ODD, indirect=True)


@each
def test_init_looks_at_them(odd: Settings, tmp_path: Path) -> None:
    path = write_task_file(odd.table.uri, label="late", task="odd", conf=tmp_path / "conf")
    assert "odd" in path.read_text()


@each
def test_every_column_can_be_trained_on_by_its_type(odd: Settings) -> None:
    trained = train(with_settings(odd, features="auto", training={"rounds": 1}))
    assert trained.manifest["rows"]["used"] == 4500


@each
def test_they_are_counted_by_the_contract(odd: Settings) -> None:
    contract = {"columns": {"odd": {"nullable": False}}}
    assert train(with_settings(odd, contract=contract)).manifest["rows"]["used"] == 4500


@pytest.mark.parametrize(
    ("odd", "condition", "rows"),
    [
        ("year 11000", "odd > 2013-10-01", 4500),
        ("before year 1", "odd < 2013-10-01T00:00:00Z", 4500),
        ("far date", "odd != 2013-10-01", 4500),
        ("uint64", "odd > 18446744073709549615", 2000),
        ("digits", "odd > 5", 4499),
        ("not UTF-8", "odd == abc", 1500),
        ("float16", "odd < 100", 100),
    ],
    indirect=["odd"],
)
def test_conditions_decide_them(odd: Settings, condition: str, rows: int) -> None:
    settings = with_settings(odd, table={"filter": condition}, training={"rounds": 1})
    assert train(settings).manifest["rows"]["in"] == rows


def test_a_moment_that_microseconds_do_not_reach_is_refused_by_its_name(
    settings: Settings,
) -> None:
    far = numbers(2**63 - 9000, pa.timestamp("ms"))
    rewrite(settings, table().append_column("odd", far))
    with pytest.raises(ContractError, match=r"'odd' of .*month-01\.parquet has values that"):
        train(with_settings(settings, features="auto"))


def test_a_moment_that_nanoseconds_do_not_reach_is_compared(settings: Settings) -> None:
    rewrite(settings, table().append_column("odd", numbers(10**18, pa.timestamp("ns"))))
    for condition in ("odd <= 9999-12-31", "odd > 0001-01-01"):
        settings = with_settings(settings, table={"filter": condition})
        assert train(settings).manifest["rows"]["in"] == 4500


@pytest.mark.parametrize(
    "allowed", [{"allowed": ["abc", "d"]}, {"allowed": ["2013-10-01"]}], ids=["text", "date"]
)
def test_bad_rows_of_text_that_is_not_utf8_are_reported_legibly(
    settings: Settings, allowed: dict[str, object]
) -> None:
    rewrite(settings, table().append_column("odd", not_utf8()))
    with pytest.raises(ContractError, match=r"odd is .*none of"):
        train(with_settings(settings, contract={"columns": {"odd": allowed}}))


def test_a_label_that_is_not_utf8_is_refused_by_its_name(settings: Settings) -> None:
    rewrite(settings, replace_column("city", not_utf8()))
    with pytest.raises(ContractError, match="'city' holds text that is not UTF-8"):
        train(with_settings(settings, label="city", features=[{"numeric": "speed"}]))


@pytest.mark.parametrize("twice", ["speed", "unused"])
def test_a_name_that_a_file_has_twice_is_refused(settings: Settings, twice: str) -> None:
    rows = table().append_column("unused", table()["id"])
    double = rows.append_column(twice, rows[twice])
    for path in Path(settings.table.uri).iterdir():
        path.unlink()
    pq.write_table(double, Path(settings.table.uri) / "a.parquet")
    with pytest.raises(ContractError, match=rf"a\.parquet has two columns '{twice}'"):
        train(settings)


def test_a_name_that_a_later_file_has_twice_is_refused(settings: Settings) -> None:
    double = table().append_column("speed", table()["speed"])
    pq.write_table(double, Path(settings.table.uri) / "z.parquet")
    with pytest.raises(ContractError, match=r"z\.parquet has two columns 'speed'"):
        train(settings)


def test_a_surrogate_in_pandas_text_is_refused_by_the_columns_name(settings: Settings) -> None:
    train(settings)
    model = load_model(f"{settings.paths.models}/small")
    frame = table().to_pandas().head(2)
    with pytest.raises(ContractError, match=r"'city'.*surrogates not allowed"):
        model.predict(frame.assign(city=["\ud800", "a"]))


@pytest.mark.parametrize("kind", ["Sparse[float]", "period[D]"])
def test_a_column_of_pandas_that_arrow_lacks_is_refused_by_its_name(
    settings: Settings, kind: str
) -> None:
    train(settings)
    model = load_model(f"{settings.paths.models}/small")
    speed = pd.Series([1.0, 2.0]) if kind.startswith("S") else pd.to_datetime(["2020-01-01"] * 2)
    frame = table().to_pandas().head(2).assign(speed=pd.Series(speed).astype(kind))
    with pytest.raises(ContractError, match="column 'speed'"):
        model.predict(frame)
