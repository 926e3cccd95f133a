"""Shards unlike each other, of a table that changes: merged models beside the sequential learner.

24,000 rows in the order of time, of which the newest tenth is held out. The effects of two features
turn by an eighth of a circle on the way, and the base rates move. Runs of time in 64 files are what
a large table is: they are dealt so that each shard sees all times. Where there are as many files as
shards, each shard is one day, or one class, and what it cannot know merging brings back in part. On
tables of three seeds eight shards (six of three classes) were this far above the sequential
learner's log-loss; `evidence` is the best of the plain rules:

    shards             two classes                   three classes
                       stacked        evidence       stacked          evidence
    interleaved        -.008 to .000  .024 to .029   -.008 to  .006   .031 to .047
    one day each        .006 to .012  .031 to .037    .022 to  .062   .045 to .076
    one class each      .007 to .033  .039 to .096    .060 to  .077   .129 to .174

Every margin lies between both of the seed that is tested, and the plain rule must fail it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss

import petafit
from petafit.config.settings import Settings
from petafit.features.encoding.batch import Batch
from petafit.learners.online.aggregator import OnlineLearner

ROWS, HELD_OUT = 24_000, 2_400


def drifting(n_classes: int, seed: int = 0) -> pa.Table:
    """Classes by a linear model whose effects turn with time, but for those of the shop."""
    random = np.random.default_rng(seed)
    time = np.arange(ROWS)[:, None] / ROWS
    city = random.integers(0, 50, ROWS)
    shop = np.minimum(3 * random.pareto(1.0, ROWS), 300).astype(int)
    x = random.normal(size=(ROWS, 2))
    n_outputs = 1 if n_classes == 2 else n_classes
    of_city = random.normal(size=(2, 50, n_outputs))
    of_shop = random.normal(size=(301, n_outputs))
    of_x = random.normal(size=(2, 2, n_outputs))
    early, late = of_city[:, city] + x @ of_x
    angle = np.pi / 4 * time
    margins = np.cos(angle) * early + np.sin(angle) * late + of_shop[shop]
    margins += (time - 0.5) * np.linspace(0.5, -0.5, n_outputs + 1)[:n_outputs]
    if n_classes == 2:
        label = random.random(ROWS) < 1 / (1 + np.exp(-margins[:, 0]))
    else:
        label = (margins + random.gumbel(size=margins.shape)).argmax(axis=1)
    return pa.table(
        {
            "city": pa.array([f"city {code}" for code in city]),
            "shop": pa.array([f"shop {code}" for code in shop]),
            "x": x[:, 0],
            "z": x[:, 1],
            "label": label.astype(np.int32),
        }
    )


def runs(table: pa.Table, count: int) -> list[pa.Table]:
    """The table in so many equal runs."""
    bounds = np.linspace(0, len(table), count + 1).astype(int)
    return [table.slice(a, b - a) for a, b in pairwise(bounds)]


def interleaved(table: pa.Table) -> list[pa.Table]:
    return runs(table, 64)


def one_day_each(table: pa.Table) -> list[pa.Table]:
    return runs(table, 8)


def one_class_each(table: pa.Table) -> list[pa.Table]:
    label = table["label"].to_numpy()
    classes = [table.filter(pa.array(label == wanted)) for wanted in np.unique(label)]
    return [run for part in classes for run in runs(part, 8 // len(classes))]


@dataclass
class Trials:
    """Trainings on one table.

    Attributes
    ----------
    folder : Path
        Gets the tables, runs and models.
    """

    folder: Path
    n_classes: int

    @cached_property
    def table(self) -> pa.Table:
        return drifting(self.n_classes)

    @property
    def learnt(self) -> pa.Table:
        """The rows to learn from."""
        return self.table.slice(0, ROWS - HELD_OUT)

    @cached_property
    def sequential(self) -> float:
        """The log-loss of one learner over all rows in their order."""
        return self.log_loss([self.learnt], shards=1, merge="auto")

    def above(self, parts: Sequence[pa.Table], *, merge: str) -> float:
        """The extra log-loss of merged shards of these files: eight, if there are as many files."""
        return self.log_loss(parts, shards=min(len(parts), 8), merge=merge) - self.sequential

    def log_loss(self, parts: Sequence[pa.Table], *, shards: int, merge: str) -> float:
        """Of a model that is trained on these files, on the rows held out."""
        own = self.folder / f"{len(list(self.folder.iterdir()))}"
        (own / "table").mkdir(parents=True)
        for number, part in enumerate(parts):
            pq.write_table(part, own / "table" / f"{number:02d}.parquet", row_group_size=100)
        settings = Settings(
            task="drift",
            engine="local",
            paths={name: str(own / name) for name in ("data", "runs", "models")},
            table=str(own / "table"),
            label="label",
            learner={"name": "petafit.OnlineLinearClassifier", "params": {"learning_rate": 0.1}},
            features=[{"numeric": ["x", "z"]}, {"categorical": ["city", "shop"]}],
            hash_bits=12,
            training={"shards": shards, "rounds": 1, "batch_rows": 100, "merge": merge},
        )
        petafit.train(settings)
        held_out = self.table.slice(ROWS - HELD_OUT)
        predicted = petafit.load_model(own / "models" / "drift").predict_proba(held_out)
        return float(log_loss(held_out["label"].to_numpy(), predicted))


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def trials(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trials:
    return Trials(tmp_path_factory.mktemp("drift"), request.param)


@pytest.mark.parametrize(
    ("deal", "margins"),
    [
        (interleaved, {2: 0.015, 3: 0.02}),
        (one_day_each, {2: 0.025, 3: 0.07}),
        (one_class_each, {2: 0.03, 3: 0.12}),
    ],
)
def test_merged_shards_keep_near_the_sequential_learner(
    trials: Trials, deal: Any, margins: dict[int, float]
) -> None:
    parts, margin = deal(trials.learnt), margins[trials.n_classes]
    assert trials.above(parts, merge="stacked") < margin
    assert trials.above(parts, merge="evidence") > margin


def test_the_merge_holdout_has_all_classes(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though each shard holds one class: a tenth of the later half of each part of it."""
    stack, holdout = OnlineLearner.stack, []

    def noted(learner: Any, summary: Any, model: Any, rows: Batch) -> Any:
        holdout.append(rows.y)
        return stack(learner, summary, model, rows)

    monkeypatch.setattr(OnlineLearner, "stack", noted)
    trials.log_loss(one_class_each(trials.learnt), shards=8, merge="stacked")
    of_class = np.bincount(trials.learnt["label"].to_numpy())
    found = [np.bincount(y.astype(int), minlength=trials.n_classes) for y in holdout]
    assert np.shape(found) == (2, trials.n_classes)
    assert (np.array(found) > 0).all()
    shares = np.sum(found, axis=0) / np.sum(found)
    np.testing.assert_allclose(shares, of_class / of_class.sum(), atol=0.05)
