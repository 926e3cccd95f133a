"""scikit-learn classes as learners: what they are given, and what they refuse."""

import inspect
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.naive_bayes import BernoulliNB, MultinomialNB
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

from petafit.errors import ConfigurationError
from petafit.features.encoding.batch import Batch
from petafit.learners.sklearn import estimator as traits
from petafit.learners.sklearn.classes import INCREMENTAL, find_class
from petafit.learners.sklearn.learner import SklearnLearner

Y = np.array([0.0, 1.0, 1.0, 0.0])
X = np.array([[1, 0, 2], [0, 3, 1], [0, 1, 0], [2, 0, 0]], np.float32)


def learner(name: str, n_classes: int | None = 2, **params: Any) -> SklearnLearner:
    return SklearnLearner(name, params, n_features=3, n_classes=n_classes, seed=3)


def test_the_list_of_classes_is_scikit_learns() -> None:
    incremental = {name: c for name, c in all_estimators() if hasattr(c, "partial_fit")}
    assert INCREMENTAL.keys() == incremental.keys()
    assert all(find_class(name) is incremental[name] for name in INCREMENTAL if name[0] != "H")


@pytest.mark.parametrize(
    ("name", "params", "layout", "dtype"),
    [
        ("SGDClassifier", {}, "csr", "float32"),
        ("GaussianNB", {}, "dense", "float64"),
        ("CategoricalNB", {}, "dense", "float32"),
        ("IncrementalPCA", {}, "dense", "float64"),
        ("MinMaxScaler", {}, "dense", "float32"),
        ("MiniBatchDictionaryLearning", {}, "dense", "float32"),
        ("StandardScaler", {}, "dense", "float64"),
        ("StandardScaler", {"with_mean": False}, "csr", "float64"),
        ("OneVsRestClassifier", {"estimator": "sklearn.GaussianNB"}, "dense", "float64"),
    ],
)
def test_layout_and_dtype(name: str, params: dict[str, Any], layout: str, dtype: str) -> None:
    found = learner(name, **params)
    assert (found.layout, found.dtype) == (layout, dtype)


@pytest.mark.parametrize(
    ("name", "params", "output"),
    [
        ("SGDClassifier", {"loss": "hinge"}, "margin"),
        ("SGDClassifier", {"loss": "log_loss"}, "probability"),
        ("OneVsOneClassifier", {"estimator": "sklearn.MultinomialNB"}, "margin"),
        ("MLPClassifier", {}, "probability"),
        ("MiniBatchKMeans", {}, "value"),
    ],
)
def test_output(name: str, params: dict[str, Any], output: str) -> None:
    assert learner(name, **params).output == output


def test_the_seed_reaches_nested_estimators_but_no_given_one() -> None:
    nested = learner("OneVsRestClassifier", estimator="sklearn.SGDClassifier")
    assert nested.template.estimator.random_state == 3
    assert learner("SGDClassifier", random_state=9).template.random_state == 9


def test_lists_stand_for_tuples() -> None:
    assert learner("MinMaxScaler", feature_range=[0, 2]).template.feature_range == (0, 2)


def test_predictions_are_the_classs_own() -> None:
    found = learner("SGDClassifier", loss="log_loss")
    model = found.finish(found.lift(found.reduce(found.start(), Batch(csr_array(X), Y))))
    own = SGDClassifier(loss="log_loss", random_state=3)
    own.partial_fit(csr_array(X), Y.astype(int), classes=[0, 1])
    np.testing.assert_array_equal(found.predict(model, X), own.predict_proba(X)[:, 1])


def test_weights_count_as_repeated_rows() -> None:
    found, weight = learner("MultinomialNB"), np.array([1.0, 3.0, 0.0, 2.0])
    state = found.reduce(found.start(), Batch(csr_array(X), Y, weight))
    repeated = MultinomialNB().fit(*(np.repeat(a, weight.astype(int), axis=0) for a in (X, Y)))
    np.testing.assert_allclose(state.estimator.feature_count_, repeated.feature_count_)


def test_weights_are_refused_where_the_class_takes_none() -> None:
    found = learner("OneVsRestClassifier", estimator="sklearn.SGDClassifier")
    found.reduce(found.start(), Batch(X, Y, np.ones(4)))
    with pytest.raises(ConfigurationError, match="takes no weights"):
        found.reduce(found.start(), Batch(X, Y, np.full(4, 2.0)))


def test_an_index_held_twice_is_added_up_where_it_matters() -> None:
    twice = csr_array((np.ones(2, np.float32), [0, 0], [0, 2]), shape=(1, 3))
    found = learner("BernoulliNB")
    state = found.reduce(found.start(), Batch(twice, np.zeros(1)))
    assert state.estimator.feature_count_[0, 0] == 1
    assert twice.nnz == 2, "the batch itself is left alone"
    assert BernoulliNB().fit(twice, [0]).feature_count_[0, 0] == 2, "scikit-learn counts twice"


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("SGDClasifier", {}, "Did you mean 'sklearn.SGDClassifier'"),
        ("LogisticRegression", {}, "no `partial_fit`.*sklearn.SGDClassifier"),
        ("HashingVectorizer", {}, r"no state to learn or merge\. Hash text with `features"),
        ("MLPClassifier", {"solver": "lbfgs"}, "does not learn incrementally with these"),
        ("SGDClassifier", {"alfa": 1}, "Did you mean 'alpha'"),
        ("SGDClassifier", {"alpha": -1.0}, "must be a float in the range"),
        ("OneVsRestClassifier", {}, "missing 1 required"),
        ("OneVsRestClassifier", {"estimator": "SGDClassifier"}, "one of scikit-learn's"),
        ("OneVsRestClassifier", {"estimator": 3}, "nested estimator cannot be built"),
        ("OneVsRestClassifier", {"estimator": "sklearn.SVC"}, "no `partial_fit`"),
        ("MultiOutputClassifier", {"estimator": "sklearn.Perceptron"}, "neither probabilities"),
    ],
)
def test_mistakes_are_named(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        learner(name, **params)


def test_scikit_learns_own_refusal_is_chained() -> None:
    found = learner("MultinomialNB")
    with pytest.raises(ConfigurationError, match="Negative values") as caught:
        found.reduce(found.start(), Batch(csr_array(-X), Y))
    assert isinstance(caught.value.__cause__, ValueError)


def test_transformers_do_not_predict() -> None:
    found = learner("MinMaxScaler", n_classes=None)
    state, predictions = found.progressive(found.start(), Batch(X))
    assert predictions is None
    with pytest.raises(ConfigurationError, match="does not predict"):
        found.predict(found.finish(found.lift(state)), X)


def test_a_model_of_another_class_is_refused() -> None:
    other = learner("Perceptron")
    model = other.finish(other.lift(other.reduce(other.start(), Batch(X, Y))))
    with pytest.raises(ConfigurationError, match=r"got sklearn\.Perceptron"):
        learner("SGDClassifier").start(model)


def test_labels_are_needed() -> None:
    with pytest.raises(ConfigurationError, match="needs a label"):
        learner("SGDClassifier").reduce(learner("SGDClassifier").start(), Batch(X))


@pytest.mark.parametrize("average", [False, True])
def test_averaged_shards_are_nearly_as_good_as_one(average: bool) -> None:
    """20 shards of scikit-learn's digits, 5 rounds: within 2 points of accuracy of one shard."""
    digits, labels = load_digits(return_X_y=True)
    rows = csr_array(digits.astype(np.float32) / 16)
    train, test = slice(0, 1400), slice(1400, None)
    found = SklearnLearner(
        "SGDClassifier",
        {"loss": "log_loss", "average": average},
        n_features=64,
        n_classes=10,
        seed=0,
        merge="mean",
    )

    def accuracy(shards: int) -> float:
        model = None
        for _ in range(5):
            parts = [
                found.lift(
                    found.reduce(
                        found.start(model),
                        Batch(rows[train][k::shards], labels[train][k::shards].astype(float)),
                    )
                )
                for k in range(shards)
            ]
            merged = parts[0]
            for part in parts[1:]:
                merged = found.merge(merged, part)
            model = found.finish(merged, model)
        assert model is not None
        return float((found.predict(model, rows[test]).argmax(axis=1) == labels[test]).mean())

    assert accuracy(20) > accuracy(1) - 0.02


def takes_sparse(estimator: Any) -> bool:
    y = np.arange(12) % 2
    given = {"classes": [0, 1]} if is_classifier(estimator) else {}
    try:
        estimator.partial_fit(csr_array(np.eye(12)), y, **given)
    except (TypeError, ValueError):  # sparse data was passed, or to be centered
        return False
    return True


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
def test_what_takes_sparse_rows_is_known_without_tags(monkeypatch):
    monkeypatch.setattr(traits, "_TAGS_SAY_SPARSE", False)
    makers = [make for _, make in all_estimators() if hasattr(make, "partial_fit")]
    found = [make() for make in makers if "estimator" not in inspect.signature(make).parameters]
    found += [StandardScaler(with_mean=False), SelectFromModel(SGDRegressor())]
    tried = [each for each in found if not isinstance(each, HashingVectorizer)]
    assert len(tried) > 20
    for each in tried:
        assert traits._takes_sparse(each) == takes_sparse(each), each
