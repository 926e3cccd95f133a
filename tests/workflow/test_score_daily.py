"""Scoring day after day into one output: no run loses what another one wrote."""

import json
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.workflow.outputs import commit
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.days import clicks, days_in, write_days
from tests.small import with_settings

OutputFormat = Literal["delta", "parquet"]
ROWS = 400


@pytest.fixture(params=["delta", "parquet"])
def format(request: pytest.FixtureRequest) -> OutputFormat:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A model of a table with one partition a day."""
    settings = days_in(tmp_path_factory.mktemp("daily"), training={"batch_rows": 128})
    train(settings)
    return settings


@pytest.fixture
def daily(trained: Settings, tmp_path: Path, format: OutputFormat) -> Settings:
    """The model, with an output and runs of the test's own."""
    output = {"output": str(tmp_path / "predictions"), "format": format}
    return with_settings(trained, score=output, paths={"runs": str(tmp_path / "runs")})


def filtered(settings: Settings, *conditions: str, **changes: Any) -> Settings:
    return with_settings(settings, table={"filter": conditions}, score=changes)


def predictions(settings: Settings) -> pa.Table:
    uri = settings.score.output
    assert uri
    if settings.score.format == "delta":
        return DeltaTable(uri).to_pyarrow_table()
    return ds.dataset(uri, partitioning="hive", exclude_invalid_files=False).to_table()


def count(settings: Settings, *columns: str) -> Counter[Any]:
    """Number of rows by value."""
    found = predictions(settings).select(columns).to_pylist()
    return Counter(tuple(str(value) for value in row.values()) for row in found)


def test_days_that_are_partitions_stay_when_another_is_scored(daily: Settings) -> None:
    for day in (2, 3, 2):
        score(filtered(daily, f"day == {day}"), run_id=f"run-{day}-{time.time_ns()}")
    assert count(daily, "day") == {("2",): ROWS, ("3",): ROWS}
    score(daily, run_id="all")
    assert set(count(daily, "run_id")) == {("all",)}
    assert predictions(daily).num_rows == 8 * ROWS


def test_dates_that_are_no_partitions_stay_when_another_is_scored(daily: Settings) -> None:
    half = {"2024-01-02": "speed < 0", "2024-01-03": "speed >= 0"}
    for date, condition in half.items():
        score(filtered(daily, condition), run_id=date, logical_date=date)
    rows = count(daily, "logical_date")
    assert rows.total() == 8 * ROWS
    assert {date[:10] for (date,) in rows} == {*half}
    again = filtered(daily, "speed < 0", "day <= 4")
    score(again, run_id="again", logical_date="2024-01-02")
    after = count(daily, "run_id")
    assert set(after) == {("again",), ("2024-01-03",)}
    assert after["2024-01-03",] == rows[next(key for key in rows if key[0][:10] == "2024-01-03")]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([Decimal("0.50"), None, Decimal("1.25")], pa.decimal128(5, 2)),
        pa.array([0, None, 10**15 + 1], pa.timestamp("us", "UTC")),
        pa.array([0, None, 10**15 + 1], pa.timestamp("us")),
        pa.array([b"a", None, b"\xff"]),
    ],
    ids=["decimal", "instant", "time", "bytes"],
)
def test_partitions_that_predictions_cannot_have_are_columns_of_theirs(
    daily: Settings, tmp_path: Path, values: pa.Array
) -> None:
    rows = clicks(30).append_column("part", values.take(pa.array(np.arange(240) % 3)))
    write_deltalake(tmp_path / "odd", rows, partition_by=["part"])
    odd = with_settings(daily, score={"table": str(tmp_path / "odd")})
    score(odd)
    written = DeltaTable(tmp_path / "odd").to_pyarrow_table()
    assert Counter(predictions(odd)["part"].to_pylist()) == Counter(written["part"].to_pylist())
    with pytest.raises(ConfigurationError, match="would be lost"):
        score(filtered(odd, "part is null"))
    with pytest.raises(ConfigurationError, match="none to replace"):
        score(filtered(odd, "part is null", replace="partitions"))


def test_a_part_of_a_partition_is_not_put_in_the_place_of_all_of_it(daily: Settings) -> None:
    score(filtered(daily, "speed < 0"), run_id="one")
    before = count(daily, "run_id")
    with pytest.raises(ConfigurationError, match=r"would be lost.*only a part.*--logical-date"):
        score(filtered(daily, "speed >= 0"))
    assert count(daily, "run_id") == before
    score(filtered(daily, "speed >= 0", replace="table"), run_id="whole")
    assert set(count(daily, "run_id")) == {("whole",)}


def test_a_run_that_was_cut_off_after_its_commit_is_resumed(
    daily: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = filtered(daily, "speed < 0")

    def cut_off(*arguments: Any) -> None:
        commit(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("petafit.workflow.score.commit", cut_off)
        with pytest.raises(KeyboardInterrupt):
            score(part, run_id="cut")
    before = count(daily, "run_id")
    assert score(part, run_id="cut").finished
    assert count(daily, "run_id") == before


def test_partitions_are_replaced_by_a_part_of_their_rows_on_request(
    daily: Settings,
) -> None:
    score(filtered(daily, "day <= 2"), run_id="old")
    score(filtered(daily, "day == 2", "speed >= 0", replace="partitions"), run_id="new")
    assert set(count(daily, "day", "run_id")) == {("1", "old"), ("2", "new")}


def test_the_predictions_of_another_table_are_not_replaced(daily: Settings, tmp_path: Path) -> None:
    score(daily, run_id="one")
    other = tmp_path / "later"
    write_days(other, clicks(rows=5, seed=1))
    with pytest.raises(ConfigurationError, match="predictions of another table"):
        score(with_settings(daily, score={"table": str(other)}))
    assert set(count(daily, "run_id")) == {("one",)}


def test_a_table_that_is_partitioned_by_dates_stays_so(daily: Settings) -> None:
    score(filtered(daily, "speed < 0"), logical_date="2024-01-02")
    with pytest.raises(ConfigurationError, match="partitioned by other columns"):
        score(filtered(daily, "day == 2"))


@pytest.mark.parametrize(
    ("replace", "message"),
    [("logical_date", "needs the logical date"), ("partitions", "has no partitions")],
)
def test_rows_that_cannot_be_replaced_are_refused_first(
    settings: Settings, replace: str, message: str
) -> None:
    train(settings)
    with pytest.raises(ConfigurationError, match=message):
        score(with_settings(settings, score={"replace": replace}))
    assert not Path(f"{settings.table.uri}_predictions").exists()


def test_a_table_without_partitions_keeps_its_other_dates(settings: Settings) -> None:
    train(settings)
    settings = with_settings(settings, score={"output": f"{settings.table.uri}_predictions"})
    for month, date in ((2, "2024-01-02"), (3, "2024-01-03T00:00:00+00:00")):
        score(filtered(settings, f"month == {month}"), logical_date=date)
    assert set(count(settings, "logical_date").values()) == {500}
    with pytest.raises(ConfigurationError, match="would be lost"):
        score(filtered(settings, "month == 4"))
    with pytest.raises(ConfigurationError, match="would be lost: they are partitioned otherwise"):
        score(settings)


SCORE = """
import sys
from petafit.config.settings import Settings
from petafit.errors import PetafitError
from petafit.workflow import score as module
from petafit.workflow.score import score
commit = module.commit
def commit_when_told(*arguments):
    print("staged", flush=True)
    sys.stdin.readline()
    commit(*arguments)
module.commit = commit_when_told
try:
    score(Settings.model_validate_json(sys.argv[1]), run_id=sys.argv[2])
except PetafitError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def start(settings: Settings, run_id: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCORE, json.dumps(settings.model_dump(mode="json")), run_id]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def staged(process: subprocess.Popen[str]) -> None:
    """Wait until all that is missing is the commit."""
    assert process.stdout
    assert process.stdout.readline() == "staged\n", process.communicate()[1]


def finish(process: subprocess.Popen[str]) -> int:
    said = process.communicate("\n")[1]
    assert process.returncode in (0, 5), said
    return process.returncode


@pytest.mark.parametrize("days", [(2, 3), (2, 2)], ids=["other days", "the same day"])
def test_of_two_scorers_at_once_none_loses_its_rows_and_succeeds(
    daily: Settings, days: tuple[int, int]
) -> None:
    processes = [start(filtered(daily, f"day == {day}"), f"run-{i}") for i, day in enumerate(days)]
    for process in processes:
        staged(process)
    codes = [finish(process) for process in processes]
    assert codes == ([0, 0] if days[0] != days[1] else [0, 5])
    expected = {(f"run-{i}",): ROWS for i, code in enumerate(codes) if code == 0}
    assert count(daily, "run_id") == expected


def left_behind(settings: Settings) -> list[str]:
    """Files in or beside the output that are not part of it."""
    output = Path(settings.score.output or "")
    notes = output / "_petafit_writing"
    beside = [path.name for path in output.parent.iterdir() if path.name not in ("runs", "table")]
    beside += [path.name for path in notes.iterdir()] if notes.exists() else []
    return [name for name in beside if name != output.name]


def test_files_of_a_killed_scorer_are_removed_by_the_next_and_it_can_be_resumed(
    daily: Settings,
) -> None:
    killed = start(filtered(daily, "day == 2"), "killed")
    staged(killed)
    assert left_behind(daily)
    killed.kill()
    killed.communicate()
    score(filtered(daily, "day == 3"), run_id="next")
    assert left_behind(daily) == []
    score(filtered(daily, "day == 2"), run_id="killed")
    assert count(daily, "run_id") == {("next",): ROWS, ("killed",): ROWS}
    files = {path.parent.name for path in Path(daily.score.output or "").rglob("part-*")}
    assert files == {"day=2", "day=3"}


def test_staged_files_of_a_living_scorer_are_kept(daily: Settings) -> None:
    living = start(filtered(daily, "day == 2"), "living")
    staged(living)
    score(filtered(daily, "day == 3"), run_id="next")
    assert finish(living) == 0
    assert count(daily, "run_id") == {("next",): ROWS, ("living",): ROWS}
    assert left_behind(daily) == []
