"""Models without a partition each, held side by side, against merging all other summaries."""

from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import petafit
from petafit.errors import ConfigurationError
from petafit.explanation import leave_one_out as module
from petafit.explanation.leave_one_out import (
    Differences,
    Models,
    from_state_dict,
    leave_one_out,
    to_state_dict,
)
from petafit.models.partition_summaries import KeptSummaries
from petafit.store.arrays import from_bytes, to_bytes
from tests.days import clicks, days_in, write_days
from tests.small import with_settings

CASES: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "two classes": ("petafit.OnlineLinearClassifier", "click", {}),
    "ftrl": ("petafit.OnlineLinearClassifier", "click", {"optimizer": "ftrl", "l1": 0.5}),
    "hinge": ("petafit.OnlineLinearClassifier", "click", {"loss": "hinge"}),
    "three classes": ("petafit.OnlineLinearClassifier", "third", {}),
    "a number": ("petafit.OnlineLinearRegressor", "value", {}),
    "ridge": ("petafit.Ridge", "value", {}),
    "naive Bayes": ("sklearn.BernoulliNB", "click", {}),
}


def thirds() -> pa.Table:
    rows = clicks()
    return rows.append_column("third", pa.array(np.digitize(rows["value"], [-1.5, 1.5])))


def kept_in(folder: Path, case: str, **training: object) -> KeptSummaries:
    learner, label, params = CASES[case]
    settings = days_in(folder, learner={"name": learner, "params": params}, label=label)
    if label == "third":
        write_days(folder / "thirds", thirds())
        settings = with_settings(settings, table=str(folder / "thirds"))
    run = petafit.train(with_settings(settings, training=training))
    return petafit.load_summaries(run.folder.uri)


@pytest.mark.parametrize("case", CASES)
def test_each_model_lacks_its_partition_only(case: str, tmp_path: Path) -> None:
    kept = kept_in(tmp_path, case)
    held = leave_one_out(kept)
    linear = "Online" in CASES[case][0]
    assert isinstance(held, Differences if linear else Models)
    model, shipped = from_state_dict(from_bytes(to_bytes(to_state_dict(kept.reads, held))))
    X = model.encoder(next(iter(clicks().combine_chunks().to_batches())), labels=False).X
    found = list(shipped.predictions(model.learner, X))
    learner, summaries = kept.learner, [kept.summary(part) for part in kept.partitions]
    assert len(found) == len(summaries) + 1
    for number, predictions in enumerate(found):
        others = [own for place, own in enumerate(summaries, start=1) if place != number]
        wanted = learner.predict(learner.finish(reduce(learner.merge, others)), X)
        tolerance = 2e-6 if linear else 1e-9
        np.testing.assert_allclose(predictions, wanted, rtol=tolerance, atol=tolerance)
        assert number == 0 or abs(predictions - found[0]).max() > 1e-3 or case == "hinge"


def test_coordinates_that_a_partition_has_not_moved_take_no_room(tmp_path: Path) -> None:
    kept = kept_in(tmp_path, "two classes")
    held = leave_one_out(kept)
    assert isinstance(held, Differences)
    moved = sum(len(kept.summary(part).arrays["index"]) for part in kept.partitions)
    assert len(held.difference) <= moved < 30 * len(kept.partitions) < 257


def test_one_partition_has_no_influence(tmp_path: Path) -> None:
    settings = with_settings(days_in(tmp_path), split={"train": ("day == 3",)})
    kept = petafit.load_summaries(petafit.train(settings).folder.uri)
    with pytest.raises(ConfigurationError, match="two partitions with training rows"):
        leave_one_out(kept)


@pytest.mark.parametrize("case", ["two classes", "ridge"])
def test_models_that_do_not_fit_side_by_side_are_refused(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 500)
    with pytest.raises(ConfigurationError, match="at most 500 bytes"):
        leave_one_out(kept_in(tmp_path, case))
