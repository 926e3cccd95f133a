"""Estimators stored and loaded; the contract suite tests continued fitting."""

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import Birch
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import BernoulliRBM

from petafit.errors import ConfigurationError, StorageError
from petafit.learners.sklearn.classes import STORABLE, load_class
from petafit.learners.sklearn.serialization import decode, encode
from petafit.store.arrays import StateDict, from_bytes, to_bytes


def through_bytes(estimator: Any) -> Any:
    return decode(from_bytes(to_bytes(encode(estimator))))


def fitted(**params: Any) -> SGDClassifier:
    X = np.arange(12.0).reshape(6, 2)
    return SGDClassifier(random_state=0, **params).partial_fit(X, [0, 1] * 3, classes=[0, 1])


def test_values_come_back_with_their_types() -> None:
    estimator = fitted()
    estimator.kept = {
        "scalar": np.float32(0.1),
        "order": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "text": np.array(["a", "ü"]),
        "nested": [(1, None), {2: True, "x": float("inf")}],
        "empty": [],
    }
    kept = through_bytes(estimator).kept
    assert type(kept["scalar"]) is np.float32
    assert kept["order"].dtype == np.int16
    assert kept["order"].flags.f_contiguous
    assert kept["text"].tolist() == ["a", "ü"]
    assert kept["nested"] == [(1, None), {2: True, "x": float("inf")}]
    assert kept["empty"] == []


def test_shared_objects_are_shared_again() -> None:
    estimator = fitted(average=True)
    assert np.shares_memory(estimator.coef_, estimator._average_coef)
    again = through_bytes(estimator)
    assert np.shares_memory(again.coef_, again._average_coef)


def test_views_stay_views_in_a_deep_tree() -> None:
    X = np.random.default_rng(0).normal(size=(1_500, 2))
    birch = through_bytes(Birch(threshold=0.01, branching_factor=3, n_clusters=None).partial_fit(X))
    leaves, leaf = 0, birch.dummy_leaf_.next_leaf_
    while leaf is not None:
        assert np.shares_memory(leaf.centroids_, leaf.init_centroids_)
        leaves, leaf = leaves + 1, leaf.next_leaf_
    assert leaves > 300, "deeper than Python's stack would allow"


def test_random_states_go_on() -> None:
    rbm = BernoulliRBM(n_components=2, random_state=0)
    rbm.partial_fit(np.eye(3))
    assert through_bytes(rbm).random_state_.rand() == rbm.random_state_.rand()


def test_reading_without_copies_shares_the_arrays() -> None:
    named = encode(fitted())
    coef = named.arrays["0.coef_"]
    assert np.shares_memory(decode(named, copy=False).coef_, coef)
    assert not np.shares_memory(decode(named).coef_, coef)


@pytest.mark.parametrize("value", [{1, 2}, len, np.array([None, 1]), LogisticRegression()])
def test_unserializable_values_are_named(value: Any) -> None:
    estimator = OneVsRestClassifier(SGDClassifier(random_state=0))
    estimator.estimator.odd = value
    with pytest.raises(ConfigurationError, match=r"OneVsRestClassifier .*'1\.odd'"):
        encode(estimator)


@pytest.mark.parametrize(
    "name", ["Pipeline", "FunctionTransformer", "LogisticRegression", "system"]
)
def test_other_classes_are_never_created(name: str) -> None:
    written = StateDict(params={"objects": [{"class": name, "attributes": {}}], "views": {}})
    with pytest.raises(StorageError, match=name):
        decode(written)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"objects": [], "views": {}},
        {"objects": [{"class": "SGDClassifier", "attributes": {"coef_": {"array": "x"}}}]},
        {
            "objects": [{"class": "SGDClassifier", "attributes": {}}],
            "views": {
                "v": {"of": "base", "offset": 0, "shape": [9], "strides": [8], "dtype": "<f8"}
            },
        },
    ],
)
def test_damaged_content_is_a_storage_error(params: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        decode(StateDict({"base": np.zeros(2)}, params))


def test_every_storable_class_exists() -> None:
    assert all(isinstance(load_class(name), type) for name in STORABLE)
