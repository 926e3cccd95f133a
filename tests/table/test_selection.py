import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petafit.config.settings import Settings
from petafit.table.selection import KeyShare, select

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
