"""The law of aggregation, which every aggregator of the project keeps, on generated rows."""

import importlib
import pickle
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import reduce
from inspect import isabstract
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import petafit
from petafit.aggregate.aggregator import Aggregator
from petafit.errors import ContractError, EmptyInputError
from petafit.learners.base import Learner
from petafit.store.arrays import StateDict, from_bytes, to_bytes
from tests.aggregate.cases import CASES, Case
from tests.aggregate.drawn import batches, encoder, repeated
from tests.learners.cases import CASES as LEARNERS

OF_EXTRAS = (
    "petafit.adapters.dask",
    "petafit.adapters.tensorflow",
    "petafit.exports.onnx",
    "petafit.learners.xgboost.grow",
    "petafit.learners.xgboost.launch",
    "petafit.learners.xgboost.rows",
    "petafit.workflow.fit_trees",
)
VERBS = ("start", "reduce", "lift", "merge", "finish")

every_case = pytest.mark.parametrize("name", CASES)
# Shrinking would take minutes: the rows are few as they are.
quick = settings(max_examples=8, phases=[Phase.explicit, Phase.generate])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


def summary(case: Case, aggregator: Aggregator[Any, Any, Any], rows: Sequence[Any]) -> StateDict:
    return aggregator.lift(reduce(aggregator.reduce, rows, aggregator.start(case.start())))


def comparable(case: Case, folder: Path, merged: StateDict) -> Any:
    """The comparable part of the result, or the class of the error of `finish`."""
    try:
        return case.comparable(folder, case.make(folder).finish(merged, case.start()))
    except (EmptyInputError, ContractError) as error:
        return type(error).__name__


def assert_close(found: Any, expected: Any, at: str = "") -> None:
    """Equal; sums of floats within 1e-9, of themselves or of values about 1 that cancel out."""
    if isinstance(expected, StateDict):
        found, expected = ({**side.arrays, **side.params} for side in (found, expected))
    elif is_dataclass(expected):
        names = [field.name for field in fields(expected)]
        found, expected = ({n: getattr(side, n) for n in names} for side in (found, expected))
    if isinstance(expected, Mapping):
        assert found.keys() == expected.keys(), at
        for name in expected:
            assert_close(found[name], expected[name], f"{at}/{name}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), at
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_close(one, other, f"{at}[{number}]")
    elif isinstance(expected, np.ndarray | float):
        np.testing.assert_array_equal(np.shape(found), np.shape(expected), at)
        floats = np.asarray(expected).dtype.kind == "f" and not at.endswith(("minimum", "maximum"))
        tolerance = 1e-9 if floats else 0
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=at)
    else:
        assert found == expected, at


def test_every_aggregator_is_tested(folder: Path) -> None:
    found = {kind for kind in _classes() if issubclass(kind, Aggregator) and not isabstract(kind)}
    learners = {type(case.learner) for case in LEARNERS}
    assert {kind for kind in found if issubclass(kind, Learner)} == learners
    assert {type(case.make(folder)) for case in CASES.values()} == found - learners


def test_classes_with_all_verbs_are_aggregators() -> None:
    for kind in _classes():
        if all(callable(getattr(kind, verb, None)) for verb in VERBS):
            assert issubclass(kind, Aggregator), f"{kind} should be an `Aggregator`"


def _classes() -> Iterator[type]:
    """All classes that the project's modules define."""
    for module in pkgutil.walk_packages(petafit.__path__, "petafit."):
        if not module.name.startswith(OF_EXTRAS):
            for thing in vars(importlib.import_module(module.name)).values():
                if isinstance(thing, type) and thing.__module__ == module.name:
                    yield thing


@every_case
@quick
@given(raw=batches())
def test_an_empty_shard_changes_nothing(name: str, folder: Path, raw: list[pa.RecordBatch]) -> None:
    case = CASES[name]
    aggregator = case.make(folder)
    whole, nothing = (summary(case, aggregator, [*map(case.take, rows)]) for rows in (raw, []))
    content = to_bytes(whole)
    assert to_bytes(aggregator.merge(whole, nothing)) == content
    assert to_bytes(aggregator.merge(nothing, from_bytes(content))) == content
    assert aggregator.merge(nothing, nothing) == nothing


@every_case
@quick
@given(raw=batches(least=3))
def test_merge_is_associative(name: str, folder: Path, raw: list[pa.RecordBatch]) -> None:
    case = CASES[name]
    aggregator, rows = case.make(folder), [*map(case.take, raw)]
    merge, parts = aggregator.merge, (rows[:1], rows[1:2], rows[2:])
    (a, b, c), (d, e, f) = ([summary(case, aggregator, part) for part in parts] for _ in range(2))
    assert_close(merge(merge(a, b), c), merge(d, merge(e, f)))


@every_case
@quick
@given(raw=batches(), cut=st.integers(0, 3))
def test_a_stored_state_continues_to_the_same_bytes(
    name: str, folder: Path, raw: list[pa.RecordBatch], cut: int
) -> None:
    """On another machine, and as the same rows give the same bytes when a shard is retried."""
    case = CASES[name]
    aggregator, rows = case.make(folder), [*map(case.take, raw)]
    travelled = pickle.loads(pickle.dumps(aggregator))
    state = reduce(aggregator.reduce, rows[:cut], aggregator.start(case.start()))
    dumped = aggregator.dump(state)
    content = to_bytes(dumped)
    whole = aggregator.lift(reduce(aggregator.reduce, rows[cut:], state))
    assert to_bytes(dumped) == content, "the dump is a copy"
    loaded = travelled.load(from_bytes(content))
    assert to_bytes(travelled.dump(loaded)) == content
    assert travelled.lift(reduce(travelled.reduce, rows[cut:], loaded)) == whole
    assert summary(case, travelled, rows) == whole


@every_case
@quick
@given(raw=batches(), data=st.data())
def test_shards_give_the_result_of_their_union(
    name: str, folder: Path, raw: list[pa.RecordBatch], data: st.DataObject
) -> None:
    """Batches dealt out to shards, some of them empty, in any order."""
    case = CASES[name]
    aggregator, rows = case.make(folder), [*map(case.take, raw)]
    order = data.draw(st.permutations(range(len(rows))))
    places = [data.draw(st.integers(0, 3)) for _ in rows]
    shards = [
        summary(case, aggregator, [rows[at] for at in order if places[at] == k]) for k in range(4)
    ]
    found = comparable(case, folder, reduce(aggregator.merge, shards))
    assert_close(found, comparable(case, folder, summary(case, aggregator, rows)))


@every_case
def test_aggregators_declare_whether_they_are_exact(name: str, folder: Path) -> None:
    case = CASES[name]
    assert case.make(folder).exact == case.compares_all


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.weighted])
@quick
@given(raw=batches())
def test_a_weight_is_as_many_rows(name: str, folder: Path, raw: list[pa.RecordBatch]) -> None:
    case = CASES[name]
    aggregator = case.make(folder)
    once, often = (
        comparable(case, folder, summary(case, aggregator, [*map(case.take, rows)]))
        for rows in (raw, map(repeated, raw))
    )
    assert_close(once, often)


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if case.take in (encoder(), encoder("delay"))]
)
@quick
@given(raw=batches())
def test_sparse_and_dense_rows_are_the_same(
    name: str, folder: Path, raw: list[pa.RecordBatch]
) -> None:
    case = CASES[name]
    aggregator, sparse = case.make(folder), [*map(case.take, raw)]
    dense = [replace(batch, X=batch.X.toarray()) for batch in sparse]
    one, other = (
        comparable(case, folder, summary(case, aggregator, rows)) for rows in (sparse, dense)
    )
    assert_close(one, other)
