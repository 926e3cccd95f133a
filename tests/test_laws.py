"""The law of aggregation, for every aggregator over raw rows that the project has."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from petafit.aggregate.checked import Checked
from petafit.aggregate.law import Aggregator, Together
from petafit.aggregate.quarantine import REASON, Quarantine
from petafit.aggregate.sink import WriteFiles
from petafit.config.feature_groups import CategoricalFeatures, NumericFeatures
from petafit.config.settings import ColumnRule, Contract, LearnerChoice
from petafit.evaluation.evaluate import Evaluate, Measure, metrics_of
from petafit.evaluation.score import Layout, Score
from petafit.explanation import shipped
from petafit.explanation.influence import Influence
from petafit.explanation.leave_one_out import Models
from petafit.features.batch import Batch
from petafit.features.encode import Encoder
from petafit.features.instances import EncodedRows, Encoding
from petafit.features.profile import Profile
from petafit.features.spec import resolve
from petafit.learners.model import Model
from petafit.learners.registry import make_learner
from petafit.store.arrays import Named
from petafit.store.filesystem import Folder
from petafit.table.contract import compile_checks
from petafit.table.predicate import Predicate
from petafit.training.fit import Fit
from tests.small import table

ROWS = table(600)
SCHEMA = ROWS.schema
FEATURES = resolve(
    (NumericFeatures(numeric="speed"), CategoricalFeatures(categorical="city")),
    SCHEMA,
    label="late",
)
CHECKS = compile_checks(Contract(columns={"speed": ColumnRule(max=130)}), SCHEMA)
ONLINE = LearnerChoice()


def batches() -> list[pa.RecordBatch]:
    return ROWS.to_batches(max_chunksize=75)


def shard(aggregator: Aggregator[Any, Any, Any], rows: list[Any], start: Named | None) -> Named:
    return aggregator.lift(reduce(aggregator.reduce, rows, aggregator.start(start)))


def profile() -> Profile:
    return Profile(FEATURES, label="late", kind="classes")


def encoder() -> Encoder:
    facts = profile().finish(shard(profile(), batches(), None))
    return Encoder(FEATURES, facts, hash_bits=8, label="late")


def encoded() -> list[Batch]:
    """Rows that meet the contract, encoded."""
    read = Encoding(CHECKS, encoder())(lambda *, skip: iter(batches()[skip:]), shard=0)
    return list(read(skip=0))


def model() -> Model:
    learner = make_learner(ONLINE, n_features=256, facts=encoder().facts)
    weights = learner.finish(shard(learner, encoded(), None))
    return Model(
        encoder(), ONLINE, pa.schema([SCHEMA.field("speed"), SCHEMA.field("city")]), weights
    )


def cases(folder: Path) -> Iterator[tuple[str, Aggregator[Any, Any, Any], Named | None]]:
    """Each aggregator, and the model it starts from."""
    trained = model()
    metrics, named = metrics_of(trained), trained.to_named()
    fit = Fit(trained.learner, metrics)
    written = WriteFiles(Folder(folder / "a"), ("month",), file_rows=100)
    bad = WriteFiles(Folder(folder / "b"), file_rows=100)
    layout = Layout(pa.schema([SCHEMA.field("id")]), {"run_id": "one"})
    yield "profile", profile(), None
    yield "fit", fit, None
    yield "fit from a model", fit, trained.weights
    yield "checked", Checked(CHECKS, profile()), None
    yield "checked fit", Checked(EncodedRows(), fit), None
    yield "evaluate", Checked(CHECKS, Evaluate(metrics)), named
    whole = trained.learner.predictive(trained.weights)
    half = Named({"weights": whole.arrays["weights"] / 2})
    models = shipped.to_named(trained, Models((whole, half)))
    yield "influence", Checked(CHECKS, Influence(1)), models
    yield "measure", Measure(metrics, label="id", prediction="speed", rows=Predicate()), None
    yield "write", written, None
    yield "quarantine", Quarantine(CHECKS, good=written, bad=bad), None
    yield "score", Score(layout, WriteFiles(Folder(folder / "c"))), named
    yield "together", Together({"one": profile(), "two": Checked(CHECKS, profile())}), None


def close(left: Named, right: Named) -> bool:
    """Equal parameters, and arrays equal to float tolerance."""
    assert left.params == right.params
    assert left.arrays.keys() == right.arrays.keys()
    for name, array in left.arrays.items():
        np.testing.assert_allclose(right.arrays[name], array, rtol=1e-9, atol=1e-12, err_msg=name)
    return True


@pytest.fixture(scope="module")
def all_cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {name: rest for name, *rest in cases(tmp_path_factory.mktemp("laws"))}


NAMES = (
    "profile", "fit", "fit from a model", "checked", "checked fit", "evaluate",
    "influence", "measure", "write", "quarantine", "score", "together",
)  # fmt: skip


def rows_for(name: str) -> list[Any]:
    """Rows as the aggregator takes them: encoded, with predictions, or raw."""
    if name in ("fit", "fit from a model", "checked fit"):
        return encoded()
    if name != "measure":
        return batches()
    label, prediction = np.arange(600) % 2, np.linspace(0.01, 0.99, 600)
    return pa.table({"id": label, "speed": prediction}).to_batches(max_chunksize=75)


def test_every_case_is_named(all_cases: dict[str, Any]) -> None:
    assert tuple(all_cases) == NAMES
    assert REASON not in SCHEMA.names


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_shard_changes_nothing(all_cases: dict[str, Any], name: str) -> None:
    aggregator, start = all_cases[name]
    whole, empty = shard(aggregator, rows_for(name), start), shard(aggregator, [], start)
    assert close(aggregator.merge(whole, empty), whole)
    assert close(aggregator.merge(empty, whole), whole)


@pytest.mark.parametrize("name", NAMES)
def test_merge_is_associative(all_cases: dict[str, Any], name: str) -> None:
    aggregator, start = all_cases[name]
    rows = rows_for(name)
    a, b, c = (shard(aggregator, part, start) for part in (rows[:2], rows[2:3], rows[3:]))
    merge = aggregator.merge
    assert close(merge(merge(a, b), c), merge(a, merge(b, c)))


@pytest.mark.parametrize("name", NAMES)
def test_a_state_goes_on_from_its_dump_to_the_byte(all_cases: dict[str, Any], name: str) -> None:
    aggregator, start = all_cases[name]
    rows = rows_for(name)
    state = reduce(aggregator.reduce, rows[:3], aggregator.start(start))
    loaded = aggregator.load(aggregator.dump(state))
    assert aggregator.lift(reduce(aggregator.reduce, rows[3:], loaded)) == shard(
        aggregator, rows, start
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exact_does_not_depend_on_the_shards(all_cases: dict[str, Any], name: str) -> None:
    aggregator, start = all_cases[name]
    if not aggregator.exact:
        pytest.skip("approximate, or its result names files")
    rows = rows_for(name)
    whole = shard(aggregator, rows, start)
    parts = [shard(aggregator, [part], start) for part in rows]
    for order in (parts, parts[::-1]):
        assert close(reduce(aggregator.merge, order), whole)
