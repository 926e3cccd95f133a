import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

import petafit
from petafit.adapters.sklearn import batches, weighted_batches
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.store.runs import RunStore
from tests.adapters.checksums import checksum
from tests.small import with_settings


def test_scikit_learn_learns_from_the_rows(settings: Settings) -> None:
    instances = petafit.open_instances(settings)
    classifier = SGDClassifier(loss="log_loss", alpha=1e-5, random_state=0)
    for _ in range(5):
        for X, y in batches(instances):
            assert X.shape[1] == instances.n_features == 4096 + 1
            classifier.partial_fit(X, y, classes=[0, 1])
    test = petafit.open_instances(settings, "test")
    correct = [classifier.predict(X) == y for X, y in batches(test)]
    assert np.concatenate(correct).mean() > 0.7
    assert instances.classes == (False, True)


def test_the_rows_are_the_same_every_time_and_in_any_batches(settings: Settings) -> None:
    instances = petafit.open_instances(settings)
    smaller = with_settings(settings, training={"batch_rows": 37})
    assert (
        checksum(batches(instances))
        == checksum(batches(instances))
        == checksum(batches(petafit.open_instances(smaller)))
    )
    assert sum(len(y) for _, y in batches(instances)) == 4500


def test_bad_rows_are_left_out(settings: Settings) -> None:
    strict = with_settings(
        settings, contract={"max_bad_share": 0.5, "columns": {"speed": {"max": 110}}}
    )
    rows = sum(len(y) for _, y in batches(petafit.open_instances(strict)))
    run = RunStore(settings.paths.runs).list()[0]
    assert rows == run["rows"]["used"] == 4500 - run["rows"]["quarantined"] < 4500


def test_a_task_that_says_everything_needs_no_profile(settings: Settings) -> None:
    plain = with_settings(
        settings,
        label={"column": "late", "classes": [False, True]},
        features=[
            {"numeric": "speed", "scale": "none", "impute": 0},
            {"categorical": "city"},
        ],
    )
    assert sum(len(y) for _, y in batches(petafit.open_instances(plain))) == 4500
    assert "profile" not in RunStore(settings.paths.runs).list()[0]["timings"]


def test_weights_are_not_lost_on_the_way() -> None:
    encoded = [Batch(np.ones((2, 3)), np.zeros(2), np.array([1.0, 2.0]))]
    with pytest.raises(ConfigurationError, match="weighted_batches"):
        list(batches(encoded))
    assert next(weighted_batches(encoded))[2].tolist() == [1, 2]  # type: ignore[union-attr]
