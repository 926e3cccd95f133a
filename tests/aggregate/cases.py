"""Every aggregator of the project but the learners, for the contract that all must keep."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from petafit.aggregate.aggregator import Aggregator, Combined
from petafit.aggregate.checked import Checked, CheckedResult, RowCounts
from petafit.aggregate.sink import Quarantine, Sorted, WriteFiles
from petafit.config.settings import LearnerChoice
from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.clusters import (
    ClusteredRows,
    ClusterSums,
    EvaluateClusters,
    MeanSilhouette,
    Silhouette,
)
from petafit.evaluation.evaluate import Evaluate, Measure, StartedModel
from petafit.evaluation.recommendations import Coverage, EvaluateRecommender, PercentileRanks
from petafit.evaluation.regression import RegressionMetrics
from petafit.evaluation.score import Score, Scores
from petafit.explanation.index_names import IndexNames
from petafit.explanation.influence import Influence
from petafit.explanation.leave_one_out import Models, to_state_dict
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Count, QuantileBinned, TargetMean
from petafit.features.instances import EncodedRows
from petafit.features.profile import Profile
from petafit.learners.mllib.centers import ClusterCenters
from petafit.learners.mllib.distinct_ids import DistinctIds
from petafit.learners.mllib.factors import PreferenceFactors
from petafit.learners.mllib.ids import IdTable
from petafit.learners.online.aggregator import OnlineLearner
from petafit.learners.online.newton.derivatives import FullBatch
from petafit.learners.online.newton.step import start_of
from petafit.learners.registry import make_learner
from petafit.learners.ridge.learner import Ridge
from petafit.learners.xgboost.categories import CategoryStatistics, CountCategories
from petafit.models.mllib import MllibModel
from petafit.models.model import Model
from petafit.models.predictions import PredictionColumns
from petafit.models.recommender import RecommenderModel
from petafit.models.signature import Signature
from petafit.racing.candidate import Candidate
from petafit.racing.grouping import lanes_for
from petafit.racing.race import Race, RaceResult
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import parse
from petafit.table.writers.files import WrittenFile
from petafit.training.merge_holdout import CollectHoldout, LearntRows, taken_from
from petafit.training.steps import FitShard, Fitted
from tests.aggregate.drawn import (
    CHECKS,
    FEATURES,
    HASH_BITS,
    SCHEMA,
    SORTS,
    encoded,
    encoder,
    scored,
    twelve_rows,
)

KEPT = pa.schema([SCHEMA.field("id"), SCHEMA.field("month")])


@dataclass(frozen=True)
class Case:
    """An aggregator to test.

    Attributes
    ----------
    make : callable
        Makes the aggregator, which writes into the given folder.
    take : callable
        Converts a raw batch to one of the aggregator's.
    start : callable
        Makes the model to start from.
    comparable : callable
        The part of the result that does not depend on the shards, from the folder and the result.
    compares_all : bool
        The part is the whole result.
    weighted : bool
        A row of weight n is n rows.
    """

    make: Callable[[Path], Aggregator[Any, Any, Any]]
    take: Callable[[pa.RecordBatch], Any] = lambda batch: batch
    start: Callable[[], StateDict | None] = lambda: None
    comparable: Callable[[Path, Any], Any] = lambda _, result: result
    compares_all: bool = True
    weighted: bool = False


@cache
def online() -> OnlineLearner:
    statistics = encoder().statistics
    learner = make_learner(LearnerChoice(), n_features=encoder().n_features, statistics=statistics)
    assert isinstance(learner, OnlineLearner)
    return learner


@cache
def weights() -> StateDict:
    """A model that the online learner learns from a few rows."""
    learner = online()
    return learner.finish(learner.lift(learner.reduce(learner.start(), encoder()(twelve_rows()))))


@cache
def sure() -> StateDict:
    """A thousand times these weights: probabilities are 0 or 1 to the last digit."""
    arrays = weights().arrays
    return StateDict({**arrays, "weights": 1000 * arrays["weights"]}, weights().params)


@cache
def published() -> StateDict:
    """A model as it is published."""
    columns = pa.schema([SCHEMA.field("speed"), SCHEMA.field("city")])
    return Model(encoder(), LearnerChoice(), columns, weights()).to_state_dict()


@cache
def clusterer() -> MllibModel:
    """A model of three clusters."""
    found = encoder().statistics
    statistics = TableStatistics(found.rows, found.weight, found.columns)
    own = Encoder(FEATURES, statistics, hash_bits=4, weight="weight", dtype="float64")
    columns = pa.schema([SCHEMA.field("speed"), SCHEMA.field("city")])
    centers = np.random.default_rng(0).normal(size=(3, own.n_features))
    fitted = ClusterCenters(centers, np.full(3, -1))
    return MllibModel.of(Signature(own, LearnerChoice(name="mllib.KMeans"), columns), fitted)


def clustered(raw: pa.RecordBatch) -> ClusteredRows:
    return ClusteredRows.of(clusterer(), raw)


@cache
def sums() -> StateDict:
    """Those of a few rows in their clusters."""
    counting = ClusterSums(**cluster_sizes())
    return counting.reduce(counting.start(), clustered(twelve_rows()))


def cluster_sizes() -> dict[str, int]:
    return {"n_clusters": 3, "n_features": clusterer().encoder.n_features}


@cache
def clustered_before() -> StateDict:
    return clusterer().to_state_dict().prefixed("model") | sums().prefixed("sums")


@cache
def recommender(*, implicit: bool) -> StateDict:
    """A model that knows the cities but one as users, and the months as items."""
    users = IdTable.of([pa.array(["x", "y", ""])], pa.large_binary())
    items = IdTable.of([pa.array([1, 2, 3])], pa.int64())
    random = np.random.default_rng(0)
    of_users, of_items = (random.normal(size=(3, 2)).astype(np.float32) for _ in range(2))
    params: Any = {"userCol": "city", "itemCol": "month", "implicitPrefs": implicit}
    columns = pa.schema([SCHEMA.field("city"), SCHEMA.field("month")])
    statistics = TableStatistics(None, None, {}, label=ColumnStatistics(9, 0, 2.0, 1.0, 1.0, 9.0))
    own = Encoder((), statistics, hash_bits=1, label="delay", weight="weight")
    signature = Signature(own, LearnerChoice(name="mllib.ALS", params=params), columns)
    factors = PreferenceFactors(users, items, of_users, of_items)
    return RecommenderModel.of(signature, factors).to_state_dict()


def known_and_unknown(raw: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    return raw.column("weight").to_numpy(), raw.column("late").to_numpy(zero_copy_only=False)


@cache
def left_out() -> StateDict:
    """That model, and those of two partitions less."""
    columns = pa.schema([SCHEMA.field("speed"), SCHEMA.field("city")])
    model = Model(encoder(), LearnerChoice(), columns, weights())
    whole = model.learner.predictive(weights())
    others = (StateDict({"weights": share * whole.arrays["weights"]}) for share in (0.5, 0.9))
    return to_state_dict(model, Models((whole, *others)))


def _profile(label: str, **options: Any) -> Profile:
    kind = "number" if label == "delay" else "classes"
    features = (*FEATURES, QuantileBinned("speed", 3), Count("city"))
    means = () if label == "sort" else (TargetMean("city"),)
    return Profile(
        (*features, *means), label=label, kind=kind, weight="weight", keys=["id"], **options
    )


def _written(folder: Path, files: Sequence[WrittenFile]) -> Any:
    """The rows of all files, after a check of their number."""
    tables = [pq.ParquetFile(folder / file.path).read() for file in files]
    assert [table.num_rows for table in tables] == [file.rows for file in files]
    return sorted(repr(row) for table in tables for row in table.to_pylist())


def _sorted(folder: Path, result: Sorted) -> Any:
    return _written(folder / "good", result.good), _written(folder / "bad", result.bad)


def _scores(folder: Path, result: Scores) -> Any:
    return _written(folder, result.files), result.rows, result.quarantined


def _put_aside(_: Path, fitted: Fitted) -> Any:
    """The labels and weights of the merge holdout, in any order."""
    held = fitted.holdout.arrays
    return sorted(zip(held["y"], held["weight"], strict=True)) if held else []


def _checked_fit(folder: Path, checked: CheckedResult[Fitted]) -> Any:
    return checked.counts, checked.example, _put_aside(folder, checked.result)


@cache
def measured_from() -> StateDict:
    """The start of a pass that measures derivatives, after the first."""
    start = start_of(weights(), (), block=True)
    return start | StateDict({"before": start.arrays["weights"] / 2})


def _derivatives(_: Path, found: StateDict) -> Any:
    """Over all coordinates, whichever of them the summary names."""
    whole = np.zeros((2, found.params["coordinates"]))
    for at, name in enumerate(("gradient", "curvature")):
        whole[at, found.arrays.get("index", slice(None))] = found.arrays[name][:, 0]
    return whole, *(found.arrays[name] for name in ("losses", "weight", "block"))


RIDGE = Ridge(n_features=encoder().n_features)


def _coefficients(_: Path, fitted: Fitted) -> Any:
    """The coefficients of a summary, whose sums may have another origin."""
    assert fitted.holdout.arrays == {}
    found = RIDGE.finish(fitted.summary)
    return found.arrays["coef"], found.arrays["intercept"]


def _of_any_fold(_: Path, found: CategoryStatistics) -> Any:
    """The sums over the folds, which depend on the rows' places in their shards."""
    return found.values, found.totals, found.sums.sum(axis=1)


def _writer(folder: Path) -> WriteFiles:
    return WriteFiles(Folder(folder), ("month",), drop=("chance",), file_rows=10)


def _quarantine(folder: Path) -> Quarantine:
    good = WriteFiles(Folder(folder / "good"), ("month",), file_rows=10)
    return Quarantine(CHECKS, good=good, bad=WriteFiles(Folder(folder / "bad"), file_rows=10))


def _score(folder: Path) -> Score:
    return Score(
        PredictionColumns(KEPT, {"run_id": "one"}), WriteFiles(Folder(folder), file_rows=10)
    )


def _measure(_: Path) -> Measure:
    rows = parse(["month = 1"])
    return Measure(RegressionMetrics(), label="delay", prediction="chance", rows=rows)


def _together(_: Path) -> Combined:
    return Combined({"one": _profile("late"), "two": Checked(CHECKS, _profile("delay"))})


@cache
def tracing() -> Encoder:
    return Encoder(
        FEATURES,
        encoder().statistics,
        hash_bits=HASH_BITS,
        label="late",
        weight="weight",
        tracing=True,
    )


def _race(_: Path) -> Race:
    def candidate(name: str, bits: int, **params: Any) -> Candidate:
        return Candidate(name, LearnerChoice(params={"learning_rate": 0.1, **params}), bits)

    candidates = (
        candidate("usual", HASH_BITS),
        candidate("ridge", HASH_BITS, l2=0.1),
        candidate("narrow", HASH_BITS - 2),
        candidate("ftrl", HASH_BITS, optimizer="ftrl"),
    )
    return Race(lanes_for(candidates, tracing()), ClassificationMetrics())


def _raced(_: Path, result: RaceResult) -> Any:
    return result.losses.rows, result.losses.weight, result.failed


CASES = {
    "profile of classes": Case(lambda _: _profile("late")),
    "profile of classes given": Case(lambda _: _profile("sort", classes=SORTS)),
    "profile of numbers": Case(lambda _: _profile("delay")),
    "metrics of two classes": Case(
        lambda _: ClassificationMetrics(), scored("late"), weighted=True
    ),
    "metrics of margins": Case(
        lambda _: ClassificationMetrics(output="margin"), scored("late", scale=8), weighted=True
    ),
    "metrics of three classes": Case(
        lambda _: ClassificationMetrics(3), scored("sort", 3), weighted=True
    ),
    "metrics of numbers": Case(lambda _: RegressionMetrics(), scored("delay"), weighted=True),
    "started model": Case(lambda _: StartedModel("evaluate"), start=published),
    "evaluate": Case(lambda _: Evaluate(ClassificationMetrics()), start=published, weighted=True),
    "evaluate clusters": Case(
        lambda _: EvaluateClusters(**cluster_sizes()),
        start=lambda: clusterer().to_state_dict(),
        weighted=True,
    ),
    "sums of clusters": Case(lambda _: ClusterSums(**cluster_sizes()), clustered, weighted=True),
    "silhouette": Case(lambda _: Silhouette(), start=clustered_before),
    "mean silhouette": Case(lambda _: MeanSilhouette(), clustered, sums),
    "ids": Case(lambda _: DistinctIds(("city", "id"), SCHEMA, most=10**6, weight="weight")),
    "evaluate ratings": Case(
        lambda _: EvaluateRecommender(implicit=False),
        start=lambda: recommender(implicit=False),
        weighted=True,
    ),
    "evaluate counts": Case(
        lambda _: EvaluateRecommender(implicit=True),
        start=lambda: recommender(implicit=True),
        weighted=True,
    ),
    "coverage": Case(lambda _: Coverage(), known_and_unknown, weighted=True),
    "percentile ranks": Case(lambda _: PercentileRanks(), scored("delay"), weighted=True),
    "influence": Case(lambda _: Influence(2), start=left_out, weighted=True),
    "index names": Case(lambda _: IndexNames(encoder(), range(encoder().n_features))),
    "categories of trees": Case(
        lambda _: CountCategories(encoder()),
        comparable=_of_any_fold,
        compares_all=False,
        weighted=True,
    ),
    "measure": Case(_measure),
    "rows by contract": Case(lambda _: RowCounts(), CHECKS.validate),
    "checked": Case(lambda _: Checked(CHECKS, _profile("late"))),
    "together": Case(_together),
    "write": Case(_writer, comparable=_written, compares_all=False),
    "quarantine": Case(_quarantine, comparable=_sorted, compares_all=False),
    "score": Case(_score, start=published, comparable=_scores, compares_all=False),
    "merge holdout": Case(
        lambda _: CollectHoldout(),
        lambda raw: taken_from(encoded(raw))[1],
        comparable=lambda _, rows: sorted(rows.arrays["weight"]) if rows.arrays else [],
        compares_all=False,
    ),
    "fit": Case(
        lambda _: FitShard(online(), ClassificationMetrics()),
        encoded,
        comparable=_put_aside,
        compares_all=False,
    ),
    "fit from a model": Case(
        lambda _: FitShard(online(), ClassificationMetrics()),
        encoded,
        weights,
        _put_aside,
        compares_all=False,
    ),
    "fit, checked": Case(
        lambda _: Checked(EncodedRows(), FitShard(online(), ClassificationMetrics())),
        encoded,
        comparable=_checked_fit,
        compares_all=False,
    ),
    "fit of an exact learner": Case(
        lambda _: FitShard(RIDGE, None), encoder("delay"), comparable=_coefficients, weighted=True
    ),
    "fit of an exact learner, and metrics": Case(
        lambda _: FitShard(RIDGE, RegressionMetrics()),
        encoder("delay"),
        comparable=_coefficients,
        compares_all=False,
    ),
    "race for losses": Case(
        lambda folder: Race(_race(folder).lanes, ClassificationMetrics(), keeps_models=False),
        tracing(),
        comparable=_raced,
        compares_all=False,
    ),
    "race": Case(_race, tracing(), comparable=_raced, compares_all=False),
    "derivatives": Case(
        lambda _: FullBatch(online()), encoder(), measured_from, _derivatives, weighted=True
    ),
    "derivatives of a model that is sure": Case(
        lambda _: FullBatch(online()), encoder(), sure, _derivatives, weighted=True
    ),
    "derivatives of rows not held out": Case(
        lambda _: Checked(LearntRows(), FullBatch(online())),
        encoded,
        weights,
        lambda folder, checked: (checked.counts, _derivatives(folder, checked.result)),
    ),
}
