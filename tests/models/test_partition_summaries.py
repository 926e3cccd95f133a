"""Summaries of partitions, and models without some of them."""

from pathlib import Path

import numpy as np
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, StorageError
from petafit.models.model import Model
from petafit.models.partition_summaries import KeptSummaries
from tests.days import clicks, days_in
from tests.small import with_settings

LEARNERS = {
    "petafit.Ridge": ("value", 1e-9),
    "sklearn.GaussianNB": ("click", 1e-9),
    "petafit.OnlineLinearClassifier": ("click", 1e-6),  # its weights are float32
}


def published(settings: Settings) -> Model:
    return petafit.load_model(Path(settings.paths.models) / "days")


def predicted(settings: Settings, model: Model) -> np.ndarray:
    rows = clicks()
    return model.predict(rows) if settings.label.column == "value" else model.predict_proba(rows)


PARAMS = {
    "petafit.OnlineLinearClassifier": {"learning_rate": 0.1},
    "sklearn.GaussianNB": {"var_smoothing": 1e-3},
}


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_model_without_days_is_the_one_trained_without_them(learner: str, tmp_path: Path) -> None:
    label, tolerance = LEARNERS[learner]
    # An ad that no day has left has no variance: without smoothing its bits would decide.
    params = PARAMS.get(learner, {})
    settings = days_in(tmp_path, learner={"name": learner, "params": params}, label=label)
    kept = petafit.load_summaries(petafit.train(settings).folder.uri)
    whole = predicted(settings, published(settings))
    np.testing.assert_allclose(predicted(settings, kept.without()), whole, rtol=1e-12)
    less = with_settings(settings, split={"train": ("day <= 6", "day != 4", "day != 1")})
    petafit.train(less)
    expected, found = published(settings), kept.without("day=4", "day=1")
    wanted = predicted(settings, expected)
    assert abs(wanted - whole).max() > 0.01
    np.testing.assert_allclose(predicted(settings, found), wanted, rtol=tolerance)
    for name, array in kept.learner.predictive(expected.weights).arrays.items():
        np.testing.assert_allclose(
            found.weights.arrays[name], array, rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptSummaries:
    settings = days_in(tmp_path_factory.mktemp("kept"), learner="petafit.Ridge", label="value")
    run = petafit.train(settings, run_id="kept")
    assert run.manifest["summaries"]["partitions"] == 6
    assert run.manifest["summaries"]["path"] == run.folder.child("summaries").uri
    return petafit.load_summaries(run.folder.uri)


def test_partitions_are_named_with_their_rows(kept: KeptSummaries) -> None:
    found = [(partition.name, partition.rows) for partition in kept.partitions]
    assert found == [(f"day={day}", 400) for day in range(1, 7)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["day=44"], "No partition 'day=44' was kept. Did you mean 'day=4'"),
        (["day=4", "day=4"], "once only"),
        ([f"day={day}" for day in range(1, 7)], "cannot be left without any partition"),
    ],
)
def test_partitions_that_cannot_be_removed_are_an_error(
    kept: KeptSummaries, names: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        kept.without(*names)


def test_a_damaged_summary_is_noticed(tmp_path: Path) -> None:
    run = petafit.train(days_in(tmp_path, learner="petafit.Ridge", label="value"))
    kept = petafit.load_summaries(run.folder.uri)
    Path(kept.folder.uri, kept.partitions[2].file).write_bytes(b"else")
    with pytest.raises(StorageError, match="not what was written"):
        kept.without("day=3")


def test_days_without_training_rows_have_no_summary(tmp_path: Path) -> None:
    settings = with_settings(days_in(tmp_path), split={"train": ("day <= 6", "speed > 2.9")})
    kept = petafit.load_summaries(petafit.train(settings).folder.uri)
    assert 1 < len(kept.partitions) < 6
    assert sum(partition.rows for partition in kept.partitions) == len(
        clicks().to_pandas().query("day <= 6 and speed > 2.9")
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training": {"merge": "auto"}}, "OnlineLinearClassifier merged by stacking.*evidence"),
        ({"learner": {"name": "sklearn.SGDClassifier"}}, "of no use for sklearn.SGDClassifier"),
        ({"learner": {"name": "petafit.FactorizationMachineClassifier"}}, "of no use for"),
        ({"training": {"keep_summaries": ("speed",)}}, "not partitioned by it"),
    ],
)
def test_summaries_that_cannot_be_kept_are_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        petafit.train(with_settings(days_in(tmp_path), **changes))


def test_mllib_learners_have_no_summaries(tmp_path: Path) -> None:
    settings = with_settings(days_in(tmp_path), learner={"name": "mllib.LogisticRegression"})
    with pytest.raises(ConfigurationError, match="Spark fits it whole"):
        petafit.train(settings)


@pytest.mark.parametrize("more", [{"rounds": 2}, {"newton": 1}])
def test_partitions_are_in_all_that_later_rounds_learn(
    tmp_path: Path, more: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="keep_summaries needs rounds: 1 and newton: 0"):
        with_settings(days_in(tmp_path), training=more)


def test_a_run_without_summaries_has_a_hint(settings: Settings) -> None:
    run = petafit.train(settings)
    with pytest.raises(ConfigurationError, match=r"training\.keep_summaries: COLUMN"):
        petafit.load_summaries(run.folder.uri)
