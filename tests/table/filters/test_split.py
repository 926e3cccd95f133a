import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, ContractError
from petafit.stream.batches import as_type
from petafit.table.columns import carried
from petafit.table.filters.split import KeyShare, select
from petafit.workflow.evaluate import evaluate
from petafit.workflow.train import train
from tests import kinds
from tests.small import replace_column, rewrite, with_settings

BATCH = pa.record_batch({"k": list(range(1000)), "day": [i // 100 for i in range(1000)]})


def settings(**split: object) -> Settings:
    return Settings(task="t", table="t", label="y", keys=("k",), split=split)


def chosen(settings: Settings, part: str, batch: pa.RecordBatch = BATCH) -> set[int]:
    mask = select(settings, part).mask(batch)  # type: ignore[arg-type]
    rows = batch if mask is None else batch.filter(mask)
    return set(rows.column("k").to_pylist())


@given(st.floats(0.01, 0.99))
def test_a_share_divides_the_keys(share: float) -> None:
    task = settings(test_share=share)
    train, test = chosen(task, "train"), chosen(task, "test")
    assert train | test == set(range(1000))
    assert not train & test
    assert len(test) == pytest.approx(1000 * share, abs=70)


def test_a_larger_share_holds_out_the_same_keys_and_more() -> None:
    assert chosen(settings(test_share=0.1), "test") <= chosen(settings(test_share=0.2), "test")


def test_training_rows_are_never_validation_rows() -> None:
    task = settings(train="day <= 5", validation="day in [4, 5]", test="day > 5")
    assert chosen(task, "train") == set(range(400))
    assert chosen(task, "validation") == set(range(400, 600))


@pytest.mark.parametrize(
    ("split", "part", "hint"),
    [
        ({"train": "day < 5"}, "test", "Set `split.test`"),
        ({"test_share": 0.1}, "validation", "Set `split.validation`"),
        ({}, "validation", "Set `split.validation`"),
    ],
)
def test_rows_that_nobody_named_are_not_all_rows(
    split: dict[str, object], part: str, hint: str
) -> None:
    with pytest.raises(ConfigurationError, match=hint):
        select(settings(**split), part)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("validation", "day", "excluded"),
    [
        (["day == 5"], 5, True),
        (["day == 5"], 4, False),
        (["day == 5"], None, True),  # no train row either: its condition does not hold
        (["day == 5", "k > 3"], 5, False),  # the keys decide about each row
        (["day in [4, 5]"], 4, True),
    ],
)
def test_partitions_to_validate_on_are_not_read_to_train(
    validation: list[str], day: int | None, excluded: bool
) -> None:
    chosen = select(settings(train="day <= 5", validation=validation), "train")
    assert chosen.excludes({"day": day}) == excluded


NESTED = {"list", "large_list", "list3", "lists", "struct", "map"}


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=30))
def test_a_key_is_held_out_however_it_is_encoded(keys: list[str | None]) -> None:
    plain = pa.array(keys, pa.string())
    share = KeyShare(("a",), 0.5, held_out=True)
    masks = [
        share.mask(pa.record_batch([column], ["a"]))
        for column in (plain, plain.cast(pa.large_string()), plain.dictionary_encode())
    ]
    assert masks[0].equals(masks[1])
    assert masks[0].equals(masks[2])
    assert pc.all(pc.is_valid(masks[0])).as_py()


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=30))
def test_text_and_its_bytes_are_dealt_alike_even_if_they_are_not_utf8(keys: list[bytes]) -> None:
    raw = pa.array(keys, pa.binary())
    views = [raw, pa.StringArray.from_buffers(len(raw), *raw.buffers()[1:], raw.buffers()[0])]
    masks = [KeyShare(("a",), 0.5, True).mask(pa.record_batch([view], ["a"])) for view in views]
    assert masks[0].equals(masks[1])
    texts = [key.decode("latin-1") for key in keys]
    expected = pd.util.hash_array(np.array(texts, object), "latin-1", categorize=False)
    assert masks[0].to_pylist() == list(expected / 2**64 < 0.5)


@pytest.mark.parametrize("name", sorted(kinds.COLUMNS.keys() - NESTED))
def test_keys_of_every_plain_type_deal_rows(name: str) -> None:
    values = kinds.COLUMNS[name][0]
    values = as_type(values, carried(values.type))
    schema = pa.schema({"a": values.type})
    halves = [KeyShare(("a",), 0.5, held_out) for held_out in (True, False)]
    for half in halves:
        half.check(schema)
    test, train = (half.mask(pa.record_batch([values], schema=schema)) for half in halves)
    assert pc.invert(test).equals(train)
    assert test[2].as_py() is False  # a null is never held out


@pytest.mark.parametrize("name", sorted(NESTED))
def test_keys_of_nested_types_are_refused_by_name(name: str) -> None:
    schema = pa.schema({"odd": kinds.COLUMNS[name][0].type})
    with pytest.raises(ConfigurationError, match="'odd'"):
        KeyShare(("odd",), 0.5, held_out=True).check(schema)


def test_equal_numbers_are_dealt_alike() -> None:
    zeros = pa.record_batch([pa.array([0.0, -0.0])], ["a"])
    for share in np.linspace(0.05, 0.95, 19):
        assert KeyShare(("a",), share, True).mask(zeros).true_count != 1


@pytest.mark.parametrize(
    "keys",
    [
        [uuid.UUID(int=(i * 0x9E3779B97F4A7C15) % 2**128).bytes for i in range(6000)],
        [i / 7 for i in range(6000)],
        pa.array(range(6000), pa.time32("s")),
        pa.array([10**18 + i for i in range(6000)], pa.timestamp("ns")),
    ],
    ids=["binary", "float", "time", "nanoseconds"],
)
def test_a_tenth_of_the_keys_is_held_out_of_training(settings: Settings, keys: object) -> None:
    rewrite(settings, replace_column("id", keys))
    settings = with_settings(settings, split={"train": (), "test": (), "test_share": 0.1})
    used = [job(settings).manifest["rows"]["used"] for job in (train, evaluate)]
    assert sum(used) == 6000
    assert 480 < used[1] < 720


def half_null(settings: Settings, n_null: int) -> Settings:
    ids = pa.array(range(6000), mask=np.arange(6000) % (6000 // n_null) == 0)
    rewrite(settings, replace_column("id", ids))
    return with_settings(settings, split={"train": (), "test": (), "test_share": 0.1})


def test_many_rows_without_a_key_are_refused_with_a_hint(settings: Settings) -> None:
    with pytest.raises(ContractError, match=r"id is missing, by which `split\.test_share` deals"):
        train(half_null(settings, 3000))


def test_few_rows_without_a_key_are_counted_and_never_tested(settings: Settings) -> None:
    settings = half_null(settings, 30)
    trained, tested = train(settings).manifest["rows"], evaluate(settings).manifest["rows"]
    assert trained["quarantined"] == 30
    assert tested["quarantined"] == 0
    assert 480 < tested["used"] < 720
    assert trained["used"] + tested["used"] == 5970


def test_a_row_is_dealt_by_the_keys_that_it_has(settings: Settings) -> None:
    settings = with_settings(half_null(settings, 3000), keys=("id", "speed", "city"))
    tested = evaluate_after_training(settings)
    assert 480 < tested < 720


def evaluate_after_training(settings: Settings) -> int:
    assert train(settings).manifest["rows"]["quarantined"] == 0
    return int(evaluate(settings).manifest["rows"]["used"])
