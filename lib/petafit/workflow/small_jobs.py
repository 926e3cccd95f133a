"""Small jobs that between them run every kernel with every signature that jobs use.

Numba compiles a function for the types of its arguments when it is first called with them. Jobs
decide on those types, so jobs are what asks for all of them.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from scipy.sparse import csr_array

from petafit.config.settings import LearnerChoice, Settings
from petafit.evaluation.classification import ClassificationMetrics
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import DType, Encoder
from petafit.features.encoding.vectors import Entries, sparse_vectors
from petafit.features.feature import Categorical, Feature, Numeric, Vector
from petafit.learners.mllib.trees import TreeEnsemble, TreeNodes
from petafit.learners.online.merging.sparse_rows import add_at
from petafit.learners.xgboost.categories import MOST_CODES, CountCategories, folds_of
from petafit.learners.xgboost.matrix import MatrixEncoder, fold_means
from petafit.racing.candidate import Candidate
from petafit.racing.grouping import lanes_for
from petafit.racing.race import Race
from petafit.workflow.evaluate import evaluate
from petafit.workflow.explain import explain
from petafit.workflow.score import score
from petafit.workflow.train import train

_ROWS = 600
_NUMBERS = (
    *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double"),
)
_LOGGED = tuple(f"{name}_logged" for name in _NUMBERS)
_TEXTS = ("one", "two", "three", "four", "five")
_FEW = ({"numeric": ["int32", "double"]}, {"categorical": ["one"]}, {"boolean": "yes"})
_ALL = (
    {"numeric": _NUMBERS, "impute": "none", "scale": "minmax"},
    {"numeric": _LOGGED, "log1p": True, "indicator": True},
    {"binned": ["double", "int64"]},
    {"categorical": [*_TEXTS, "code"]},
    {"boolean": "yes"},
    {"date": "time"},
    {"cross": [_TEXTS[:2], _TEXTS[:3], _TEXTS[:4], _TEXTS]},
    {"text": "text"},
    {"text": "phrase", "analyzer": "char", "lowercase": False, "norm": "none"},
)
_CLASSIFIERS = ("petafit.OnlineLinearClassifier", "petafit.FactorizationMachineClassifier")
_REGRESSORS = ("petafit.OnlineLinearRegressor", "petafit.FactorizationMachineRegressor")
_LINEAR = _CLASSIFIERS[0]
_BITS = (5, 12)
"""Shards move many or few of so many features, and their sums are kept accordingly."""


def run_small_jobs() -> None:
    """Run all of them in a temporary folder."""
    with TemporaryDirectory(prefix="petafit-compile-") as name:
        folder = Path(name)
        _write_table(folder / "table")
        for number, changes in enumerate(cases()):
            _run(folder, f"small-{number}", changes)
    _merge_groups()
    _encode_vectors()
    _apply_trees()
    _race_side_by_side()
    _encode_categories(("a", "b"))
    _encode_categories(tuple(f"{number}" for number in range(MOST_CODES + 1)))


def cases() -> Iterator[dict[str, Any]]:
    """The settings of each job that are not those of `_run`."""
    for name in (_LINEAR, "sklearn.SGDClassifier"):
        for weight in (None, "weight"):
            yield {"features": _ALL, "weight": weight, **_learner(name)}
    yield from (_learner(f"sklearn.{name}") for name in ("GaussianNB", "MLPClassifier"))
    yield from ({"label": "amount", **_learner(name)} for name in ("petafit.Ridge", *_REGRESSORS))
    yield {"label": "amount", **_learner("sklearn.SGDRegressor")}
    for bits in _BITS:
        yield from ({"hash_bits": bits, **job} for job in _of_optimizers())
        for label in ("bought", "kind"):
            sgd = _learner("sklearn.SGDClassifier", loss="log_loss")
            yield {"hash_bits": bits, "label": label, "training": {"parts": 2}, **sgd}
    for merge in ("mean", "touched", "evidence"):
        yield {"training": {"merge": merge, "rounds": 2}, **_learner(_LINEAR)}
        yield {"training": {"merge": merge}, **_learner("sklearn.SGDClassifier")}
    yield {"weight": "weight", "training": {"newton": 1}, **_learner(_LINEAR)}
    for name in _CLASSIFIERS:
        yield from (_learner(name, loss="hinge"), _learner(name, class_weight="balanced"))
    yield {"label": "kind", **_learner(_LINEAR, class_weight="balanced")}
    kept = {"keep_summaries": ["month"], "merge": "evidence"}
    yield {"training": kept, "explain": {"influence": "partitions"}, **_learner(_LINEAR)}


def _of_optimizers() -> Iterator[dict[str, Any]]:
    """Online learners with each kernel that updates weights: merged in parts, rounds, by Newton."""
    for optimizer in ("adagrad", "ftrl"):
        for name in (*_CLASSIFIERS, *_REGRESSORS):
            newton = "Linear" in name
            training = {"parts": 2, "rounds": 2, "newton": newton}
            label = "amount" if name in _REGRESSORS else "bought"
            yield {"label": label, "training": training, **_learner(name, optimizer=optimizer)}
        training = {"parts": 2, "rounds": 2, "newton": 1}
        yield {"label": "kind", "training": training, **_learner(_LINEAR, optimizer=optimizer)}
        for name in _REGRESSORS:
            counts = {"loss": "poisson", "learning_rate": 0.01, "optimizer": optimizer}
            yield {"label": "items", "training": {"rounds": 2}, **_learner(name, **counts)}


def _learner(name: str, **params: object) -> dict[str, Any]:
    return {"learner": {"name": name, "params": params}}


def _run(folder: Path, name: str, changes: Mapping[str, Any]) -> None:
    """Train, evaluate and score; explain where a task says so."""
    plain: dict[str, Any] = {
        "task": name,
        "engine": "local",
        "paths": {name: str(folder / name) for name in ("data", "runs", "models")},
        "table": str(folder / "table"),
        "label": "bought",
        "keys": ["key"],
        "split": {"train": "month <= 5", "validation": "month = 5", "test": "month = 6"},
        "features": _FEW,
        "hash_bits": 8,
        "score": {"format": "parquet", "output": str(folder / f"{name}-predictions")},
    }
    training = {"shards": 3, "batch_rows": 100, "merge_holdout": 100} | changes.get("training", {})
    settings = Settings.model_validate({**plain, **changes, "training": training})
    train(settings)
    evaluate(settings)
    score(settings)
    if settings.explain.influence:
        explain(settings)


def _merge_groups() -> None:
    """Merge counts as those of groups of shards are: small tables have too few shards."""
    for type_of_places in (np.int32, np.int64):
        counts = np.zeros((1, 1), np.int32)
        add_at(counts, np.zeros(1, type_of_places), counts.copy())


def _encode_vectors() -> None:
    """Encode vectors as stages of Spark ML make them, which takes Spark to fit in a job."""
    one = Entries(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1))
    batch = pa.record_batch({"vector": sparse_vectors(one, 1, 1)})
    unknown = TableStatistics(rows=None, weight=None, columns={}, classes=(0, 1))
    for dtype in get_args(DType):
        Encoder((Vector("vector", 1),), unknown, hash_bits=1, dtype=dtype)(batch, labels=False)


def _apply_trees() -> None:
    """Predict by a tree of MLlib's, which takes Spark to fit in a job."""
    leaf = TreeNodes(
        roots=np.zeros(1, np.int32),
        features=np.zeros(1, np.int32),
        splits=np.zeros(1),
        children=np.full((2, 1), -1, np.int32),
        values=np.zeros((1, 1)),
    )
    TreeEnsemble(1, "value", leaf).predict(csr_array((1, 1)))


def _race_side_by_side() -> None:
    """Train two models on the same rows, as a search does."""
    features: tuple[Feature, ...] = (Numeric("number"), Categorical("text"))
    known = TableStatistics(rows=2, weight=2.0, columns={}, classes=(0, 1))
    encoder = Encoder(features, known, hash_bits=2, label="label", tracing=True)
    candidates = [
        Candidate(f"l2 {l2}", LearnerChoice(params={"learning_rate": 0.1, "l2": l2}), 2)
        for l2 in (0.0, 0.1)
    ]
    race = Race(lanes_for(candidates, encoder), ClassificationMetrics())
    batch = pa.record_batch({"number": [0.0, 1.0], "text": ["a", "b"], "label": [0, 1]})
    race.reduce(race.start(), encoder(batch))


def _encode_categories(values: tuple[str, ...]) -> None:
    """Encode categories as XGBoost takes them, which need not be installed."""
    batch = pa.record_batch({"text": values, "bought": [True] * len(values)})
    statistics = TableStatistics(None, None, {}, (False, True))
    encoder = Encoder((Categorical("text"),), statistics, hash_bits=5, label="bought")
    counting = CountCategories(encoder)
    counted = counting.finish(counting.reduce(counting.start(), batch))
    matrix = MatrixEncoder.of(encoder, counted)
    matrix(batch)
    matrix(batch, fold_means(counted), folds_of(0, len(values)))


def _write_table(folder: Path) -> None:
    """Rows of all types that features take, a tenth of each column missing, by month."""
    random = np.random.default_rng(0)
    count = random.poisson(3, _ROWS)
    words = [f"value {code}" for code in random.integers(0, 7, _ROWS)]
    columns: dict[str, pa.Array] = {
        **{name: pa.array(count).cast(name) for name in _NUMBERS},
        **{f"{name}_logged": pa.array(count).cast(name) for name in _NUMBERS},
        **{name: pa.array(random.permutation(words)) for name in _TEXTS},
        "code": pa.array(count),
        "yes": pa.array(random.random(_ROWS) < 0.5),
        "time": pa.array([datetime(2013, 1 + n % 12, 1 + n, tzinfo=UTC) for n in count]),
        "text": pa.array(["plain words, and more" if n % 2 else "naïve Wörter" for n in count]),
        "phrase": pa.array(["plain words, and more" if n % 2 else "naïve Wörter" for n in count]),
    }
    with_gaps = {
        name: pc.if_else(pa.array(random.random(_ROWS) < 0.9), column, None)
        for name, column in columns.items()
    }
    table = pa.table(
        {
            **with_gaps,
            "key": np.arange(_ROWS),
            "month": pa.array(np.arange(_ROWS) * 6 // _ROWS + 1).cast("int32"),
            "weight": random.uniform(0.5, 2, _ROWS),
            "bought": random.random(_ROWS) < (1 + count) / 12,
            "kind": pa.array([f"kind {n % 3}" for n in count]),
            "amount": count + random.normal(size=_ROWS),
            "items": count,
        }
    )
    ds.write_dataset(
        table, folder, format="parquet", partitioning=["month"], partitioning_flavor="hive"
    )
