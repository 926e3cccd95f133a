from hypothesis import given
from hypothesis import strategies as st

from petafit.aggregate.tree import groups, merge_all
from petafit.store.arrays import Named
from tests.aggregate.toys import Total


@given(st.integers(0, 5000))
def test_groups_cut_the_sequence_into_about_its_root(count: int) -> None:
    cut = groups(range(count))
    assert [item for group in cut for item in group] == list(range(count))
    if count > 16:
        assert max(map(len, cut)) <= count**0.5 + 1
        assert len(cut) <= count**0.5 + 1
    else:
        assert len(cut) == (count > 0)


def test_no_summaries_give_what_an_empty_shard_says() -> None:
    total = Total()
    assert merge_all(total, []) == total.lift(total.start())


def test_merging_goes_from_left_to_right() -> None:
    class Order(Total):
        def merge(self, left: Named, right: Named) -> Named:
            return Named(params={"order": [*left.params["order"], *right.params["order"]]})

    said = [Named(params={"order": [number]}) for number in range(5)]
    assert merge_all(Order(), said).params["order"] == [0, 1, 2, 3, 4]
