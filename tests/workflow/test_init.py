"""`petafit init` writes a valid task file with comments on the table."""

import dataclasses
import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import petafit.workflow.init as init
from petafit.errors import ConfigurationError, EmptyInputError, PetafitError, StorageError
from petafit.workflow.init import write_task_file
from tests.workflow.task_files import ROWS, check_works, clicks, save


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PETAFIT_CONF", raising=False)


def test_the_file_is_a_task_that_works() -> None:
    path = write_task_file(save(clicks()), label="click")
    assert path == Path("conf/tasks/clicks.yaml")
    loaded = check_works(path)
    assert (loaded.task, loaded.table.uri) == ("clicks", "data/clicks")
    assert (loaded.label.column, loaded.label.kind) == ("click", "classes")
    assert loaded.split.train == ("day < 8",)
    assert loaded.split.test == ("day >= 8",)
    assert [group.model_dump(exclude_defaults=True) for group in loaded.features] == [
        {"numeric": ("price",), "indicator": "auto"},
        {"categorical": ("user_id", "site")},
        {"boolean": ("new",)},
    ]


def test_comments_describe_the_table() -> None:
    text = write_task_file(save(clicks()), label="click").read_text()
    words = [line.split() for line in text.splitlines()]
    assert "# Written by `petafit init` for data/clicks: parquet, 1,200 rows, 1 file." in text
    assert "at least" not in text
    assert ["#", "price", "double", "10%", "1,080", "0.142857", "..", "171.286"] in words
    assert ["#", "site", "string", "0%", "30", "site", "0", "..", "site", "9"] in words
    assert "tags" in text
    assert "kind: classes # false: 75%, true: 25%" in text
    assert "# keys: [request] # each row has its own" in text
    assert "# left out: request, each row has its own" in text
    assert "# left out: nothing, no value" in text
    assert "# left out: day, it divides the rows" in text


def test_a_delta_table_is_split_by_its_partitions() -> None:
    write_deltalake("data/log", clicks().drop_columns(["nothing"]), partition_by=["day"])
    path = write_task_file("data/log", label="click", task="delta", conf="elsewhere")
    assert path == Path("elsewhere/tasks/delta.yaml")
    assert "data/log: delta version 0, 1,200 rows, 10 files." in path.read_text()
    assert check_works(path).split.test == ("day >= 8",)


def test_without_a_date_keys_are_held_out() -> None:
    path = write_task_file(save(clicks().drop_columns(["day"])), label="click")
    loaded = check_works(path)
    assert loaded.split.test_share == 0.1
    assert loaded.keys == ("request",)


def test_a_timestamp_divides_at_a_day_and_gives_parts_that_come_again() -> None:
    start = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    moments = pa.array(
        [start + dt.timedelta(hours=7 * i) for i in range(ROWS)], pa.timestamp("us", "UTC")
    )
    table = clicks().drop_columns(["day"]).append_column("at", moments)
    path = write_task_file(save(table), label="click")
    loaded = check_works(path)
    assert loaded.split.train == ("at < 2013-10-08",)
    dates = loaded.features[-1].model_dump(exclude_defaults=True)
    assert dates == {"date": ("at",), "parts": ("day_of_week", "hour")}
    assert "2013-01-01 00:00 .. 2013-12-16 17:00" in path.read_text()


def test_a_number_is_predicted_by_a_regressor() -> None:
    path = write_task_file(save(clicks()), label="price")
    loaded = check_works(path)
    assert loaded.label.kind == "number"
    assert loaded.learner.name == "petafit.OnlineLinearRegressor"
    assert loaded.table.filter == ("price is not null",)
    assert "# 10% have no label" in path.read_text()


def test_more_classes_than_two_get_a_learner_that_takes_them() -> None:
    table = clicks().set_column(0, "click", pa.array(["a", "b", "c"] * (ROWS // 3)))
    learner = check_works(write_task_file(save(table), label="click")).learner
    assert learner.name == "petafit.OnlineLinearClassifier"


def test_text_is_cut_into_n_grams() -> None:
    titles = pa.array([f"a title {i // 4} of many, {i % 4 > 0}" for i in range(ROWS)])
    comments = pa.array([f"{i}番目の行についてのコメント" for i in range(ROWS)]).dictionary_encode()
    table = clicks().append_column("title", titles).append_column("comment", comments)
    loaded = check_works(write_task_file(save(table), label="click"))
    texts = [group.model_dump(exclude_defaults=True) for group in loaded.features[-2:]]
    assert {"text": ("comment",), "analyzer": "char"} in texts or len(texts) == 1
    assert loaded.hash_bits == 20
    assert loaded.keys == ()


def test_a_label_with_one_class_is_reported() -> None:
    table = clicks().set_column(0, "click", pa.array(["no"] * ROWS))
    assert "training needs two classes" in write_task_file(save(table), label="click").read_text()


def test_an_existing_file_stays_unless_forced() -> None:
    uri = save(clicks())
    path = write_task_file(uri, label="click")
    before = path.read_text()
    with pytest.raises(ConfigurationError, match="exists already"):
        write_task_file(uri, label="price")
    assert path.read_text() == before
    assert write_task_file(uri, label="price", force=True).read_text() != before


def test_the_same_table_gives_the_same_file() -> None:
    uri = save(clicks())
    before = write_task_file(uri, label="click").read_bytes()
    assert write_task_file(uri, label="click", force=True).read_bytes() == before


@pytest.mark.parametrize(
    ("label", "kind", "message"),
    [
        ("clik", ConfigurationError, "no column 'clik'. Did you mean 'click'?"),
        ("tags", ConfigurationError, "or a number; got list<element: string>. Name another"),
        ("nothing", EmptyInputError, "is null in all rows that were looked at. Name another"),
    ],
)
def test_labels_that_cannot_be(label: str, kind: type[PetafitError], message: str) -> None:
    with pytest.raises(kind) as caught:
        write_task_file(save(clicks()), label=label)
    assert message in str(caught.value)
    assert not Path("conf").exists()


def test_tables_that_cannot_be() -> None:
    with pytest.raises(ConfigurationError, match="There is no table"):
        write_task_file("data/missing", label="y")
    with pytest.raises(EmptyInputError, match=r"has no rows\. Name a table"):
        write_task_file(save(clicks().slice(0, 0), "empty"), label="click")
    with pytest.raises(ConfigurationError, match="No column of the table can be a feature"):
        write_task_file(save(clicks().select(["click", "tags"]), "bare"), label="click")
    with pytest.raises(ConfigurationError, match="cannot be a task's name"):
        write_task_file("data/..", label="y")
    with pytest.raises(ConfigurationError, match="cannot be a task's name"):
        write_task_file("data/x", label="y", task="../x")
    damaged = Path(save(clicks(), "damaged"), "part-0.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-50])
    with pytest.raises(StorageError, match=r"part-0\.parquet"):
        write_task_file("data/damaged", label="click")
    assert not Path("conf").exists()


def test_a_table_that_needs_spark_is_inspected_as_far_as_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_deltalake("data/log", clicks().drop_columns(["nothing"]))
    snapshot = dataclasses.replace(
        init.open_table(init.Table(uri="data/log")), scan_reason="rows of some files are deleted"
    )
    monkeypatch.setattr(init, "open_table", lambda table: snapshot)
    path = write_task_file("data/log", label="click")
    assert "# Its files alone do not tell all: rows of some files are deleted." in path.read_text()

    renamed = snapshot.schema.set(0, pa.field("clicked", pa.bool_()))
    snapshot = dataclasses.replace(snapshot, schema=renamed, scan_reason="columns are renamed")
    with pytest.raises(ConfigurationError, match="without Spark: columns are renamed"):
        write_task_file("data/log", label="clicked", task="renamed")


def test_a_folder_that_cannot_be_written_gets_nothing() -> None:
    uri = save(clicks())
    Path("conf").write_text("in the way")
    with pytest.raises(StorageError, match="conf"):
        write_task_file(uri, label="click")
    assert Path("conf").read_text() == "in the way"


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
columns = st.sampled_from(
    [
        pa.array([1, 2, None, 4], pa.int8()),
        pa.array([1.5, float("nan"), float("inf"), None]),
        pa.array([1, 2, 3, 4], pa.decimal128(9, 2)),
        pa.array([1.5, 2.5, None, 0.5]).cast(pa.float16()),
        pa.array(["a", "b: c", "# d", "\n"]),
        pa.array(["a", "b", "a", None]).dictionary_encode(),
        pa.array([True, False, None, True]),
        pa.array([dt.date(2013, 1, day) for day in (1, 2, 3, 4)]),
        pa.array([dt.datetime(2013, 1, day) for day in (1, 2, 3, 4)], pa.timestamp("ns")),
        pa.array([[1], [2], None, [3]]),
        pa.nulls(4),
        pa.nulls(4, pa.string()),
    ]
)


@given(
    table=st.dictionaries(names, columns, max_size=6),
    label=st.sampled_from([pa.array([0, 1, 0, 1]), pa.array(["a", None, "b", "c"])]),
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_table_with_a_number_gives_a_task_that_works(
    table: dict[str, pa.Array], label: pa.Array
) -> None:
    number = pa.array([0.5, 1.5, None, 0.5])
    pq.write_table(pa.table({**table, "x": number, "y": label}), "any.parquet")
    check_works(write_task_file("any.parquet", label="y", force=True))
