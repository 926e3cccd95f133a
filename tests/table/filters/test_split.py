import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.table.filters.split import select

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
