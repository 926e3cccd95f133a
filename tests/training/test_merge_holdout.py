import numpy as np
import pytest
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch
from petafit.training.merge_holdout import NOTHING, as_batch, count, taken_from

X = csr_array(np.eye(4, dtype=np.float32))
Y = np.array([0.0, 1.0, 0.0, 1.0])


@pytest.mark.parametrize("weight", [None, np.array([1.0, 2.0, 0.0, 3.0])])
def test_the_merge_holdout_is_not_learnt_from(weight: np.ndarray | None) -> None:
    holdout = np.array([False, True, True, True])
    batch, rows = taken_from(Batch(X, Y, weight, holdout=holdout))
    assert batch.weight is not None
    assert not batch.weight[holdout].any()
    kept = as_batch(rows, 4)
    wanted = [1, 2, 3] if weight is None else [1, 3]  # what weighs nothing says nothing
    assert count(rows) == len(wanted)
    np.testing.assert_array_equal(kept.X.toarray(), X.toarray()[wanted])
    np.testing.assert_array_equal(kept.y, Y[wanted])


def test_the_merge_holdout_has_no_rows_of_weight_0() -> None:
    batch, rows = taken_from(Batch(X, Y, np.zeros(4), holdout=np.ones(4, bool)))
    assert rows is NOTHING
    assert batch.weight is not None
    assert not batch.weight.any()
