"""Stored checkpoints, summaries and rows, which compiled code believes once they are checked."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from petafit.errors import StorageError
from petafit.features.cache import BatchFile, BatchWriter
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner
from petafit.store.arrays import StateDict
from petafit.training.merge_holdout import as_batch
from tests.learners.cases import CASES

ONLINE = [case for case in CASES if isinstance(case.learner, OnlineLearner)]


def with_array(content: StateDict, name: str, array: np.ndarray) -> StateDict:
    return StateDict({**content.arrays, name: array}, content.params)


@pytest.mark.parametrize("case", ONLINE, ids=str)
def test_states_and_summaries_of_a_learner_have_its_form(case):
    learner = case.learner
    state = learner.start()
    for batch in case.batches(0, count=2):
        state = learner.reduce(state, batch)
    learner.load(learner.dump(state))
    summary = learner.lift(state)
    learner.check_summary(summary)
    learner.check_summary(learner.merge(learner.lift(state), summary))


@pytest.mark.parametrize("case", ONLINE[::7], ids=str)
def test_a_dump_of_another_size_is_refused(case):
    learner = case.learner
    dumped = learner.dump(learner.start())
    for array in (np.zeros((3, 2), np.float32), dumped.arrays["now/table"].astype(np.float64)):
        with pytest.raises(StorageError, match="an array 'table' of unexpected form"):
            learner.load(with_array(dumped, "now/table", array))


@pytest.mark.parametrize("index", [[0, 10**6], [-1, 0], [1, 1], [3, 2]])
def test_a_summary_of_other_coordinates_is_refused(index):
    learner = ONLINE[0].learner
    given = {name: np.ones((2, 1), np.float32) for name in ("weights", "evidence")}
    given |= {"index": np.array(index, np.int32), "seen": np.ones(2), "row_intercepts": np.ones(1)}
    params = {"shards": 1, "rows": 2, "coordinates": 7}
    learner.check_summary(StateDict({**given, "index": np.array([0, 6], np.int32)}, params))
    with pytest.raises(StorageError, match="'index'"):
        learner.check_summary(StateDict(given, params))


def test_the_merge_holdout_stays_within_the_features():
    rows = {
        "counts": np.array([1, 1], np.int32),
        "indices": np.array([0, 7], np.int32),
        "data": np.ones(2, np.float32),
        "y": np.ones(2),
        "weight": np.ones(2),
    }
    assert as_batch(StateDict(rows), 8).num_rows == 2
    for name, values in (("indices", [0, 8]), ("indices", [-1, 0]), ("counts", [1, 2])):
        with pytest.raises(StorageError, match="Stored rows are damaged"):
            as_batch(with_array(StateDict(rows), name, np.array(values, np.int32)), 8)


def test_cached_rows_stay_within_the_features(tmp_path):
    for indices, fine in (([0, 3], True), ([0, 4], False)):
        X = csr_array((np.ones(2, np.float32), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 4))
        X.indices[:] = indices
        with BatchWriter(tmp_path / "draft") as writer:
            writer.write(Batch(X, np.ones(2)))
            writer.publish(tmp_path / "rows.arrow")
        read = BatchFile(tmp_path / "rows.arrow").batches()
        if fine:
            assert next(read).num_rows == 2
        else:
            with pytest.raises((StorageError, pa.ArrowException), match="damaged"):
                next(read)
