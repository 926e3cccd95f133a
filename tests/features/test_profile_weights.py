"""Statistics of weighted rows: n is n rows, 0 is none."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from petafit.features.column_statistics import ColumnMoments, TableStatistics
from petafit.features.feature import Numeric
from petafit.features.profile import Profile

FEATURES = (Numeric("x"), Numeric("n", log1p=True))
KINDS: Sequence[tuple[Literal["classes", "number"], str]] = [("classes", "y"), ("number", "n")]
every_kind = pytest.mark.parametrize(("kind", "label"), KINDS)
some = settings(max_examples=40, deadline=None)

ROW = st.tuples(
    st.none() | st.just(float("nan")) | st.floats(-1e6, 1e6),
    st.integers(-1000, 1000),
    st.sampled_from("ab"),
    st.integers(0, 4),
)
ROWS = st.lists(ROW, max_size=20).map(
    lambda rows: [(1.0, 2, "a", 1), (None, 3, "b", 2), *rows]  # statistics need two classes
)


def statistics(rows: Any, kind: Any, label: str, *, weighted: bool) -> TableStatistics:
    """Of two batches of some rows, each of these a tuple of x, n, y and w."""
    profile = Profile(FEATURES, label=label, kind=kind, weight="w" if weighted else None)
    types = {"x": pa.float64(), "n": pa.int64(), "y": pa.string(), "w": pa.float64()}
    batches = [
        pa.record_batch(
            {
                name: pa.array([row[i] for row in part], t)
                for i, (name, t) in enumerate(types.items())
            }
        )
        for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :])
    ]
    summaries = (profile.lift(profile.reduce(profile.start(), batch)) for batch in batches)
    return profile.finish(reduce(profile.merge, summaries))


def assert_same(found: TableStatistics, expected: TableStatistics) -> None:
    assert found.classes == expected.classes
    assert found.class_counts == expected.class_counts
    assert found.weight == expected.weight
    columns = [*found.columns.items(), *([("label", found.label)] if found.label else [])]
    for name, ours in columns:
        theirs = expected.label if name == "label" else expected.columns[name]
        assert (ours.count, ours.missing) == (theirs.count, theirs.missing)
        assert (ours.minimum, ours.maximum) == (theirs.minimum, theirs.maximum)
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-9, abs=1e-6)
        assert ours.sd == pytest.approx(theirs.sd, rel=1e-9, abs=1e-3)


@every_kind
@some
@given(rows=ROWS)
def test_a_row_of_weight_n_is_n_rows(kind: Any, label: str, rows: Any) -> None:
    repeated = [row for row in rows for _ in range(row[3])]
    found = statistics(rows, kind, label, weighted=True)
    assert_same(found, statistics(repeated, kind, label, weighted=False))
    assert found.rows == sum(row[3] > 0 for row in rows)


@every_kind
@some
@given(rows=ROWS, silent=st.lists(ROW, max_size=5), seed=st.integers(0, 99))
def test_rows_without_weight_are_as_if_left_out(
    kind: Any, label: str, rows: Any, silent: Any, seed: int
) -> None:
    """Whatever they hold, a class that no other row has among it."""
    garbage = [(1e300, 10**9, "z", 0), *((x, n, y, 0) for x, n, y, _ in silent)]
    rows = [(x, n, y, max(w, 1)) for x, n, y, w in rows]
    order = np.random.default_rng(seed).permutation(len(rows) + len(garbage))
    mixed = [(rows + garbage)[place] for place in order]
    found = statistics(mixed, kind, label, weighted=True)
    assert_same(found, statistics(rows, kind, label, weighted=True))
    assert found.rows == len(rows)


@some
@given(seed=st.integers(0, 2**32 - 1))
def test_means_and_deviations_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    x, weight = random.normal(1e4, 3, 50), random.uniform(0.001, 2, 50)
    x[::7] = np.nan
    merged = ColumnMoments.of([x[:20]], weight[:20]).merge(ColumnMoments.of([x[20:]], weight[20:]))
    (found,) = merged.statistics()
    reference = StandardScaler().fit(x[:, None], sample_weight=weight)
    assert found.mean == pytest.approx(reference.mean_[0], rel=1e-12)
    assert found.sd == pytest.approx(reference.scale_[0], rel=1e-6)


def test_rows_without_weights_are_counted_in_whole_numbers() -> None:
    """Models of unweighted tables keep their bytes."""
    rows = [(1.0, 2, "a", 1), (None, 3, "b", 1)]
    found = statistics(rows, "classes", "y", weighted=False)
    assert [type(count) for count in found.class_counts or ()] == [int, int]
    assert type(found.columns["x"].count) is type(found.columns["x"].missing) is int
