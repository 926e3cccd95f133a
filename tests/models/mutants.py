"""Published models of every kind, changed in one place each: run in a process of its own.

Compiled code that reads beyond an array may end the process, and may also give numbers. So every
mutant has to be refused by an error of petafit's own, or to predict finite numbers of the right
shape.
"""

import sys
import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from petafit.config.settings import LearnerChoice
from petafit.errors import PetafitError
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.feature import Binned, Categorical, Cross, Indicator, Numeric, Text
from petafit.learners.registry import describe, make_learner
from petafit.models.model import Model, model_from_named
from petafit.store.arrays import StateDict, from_bytes, to_bytes

FEATURES = (
    Numeric("x"),
    Indicator("x"),
    Binned("x", (-1.0, 0.0, 1.0)),
    Categorical("city"),
    Cross((Categorical("city"), Binned("x", (0.0,)))),
    Text("note"),
)

_ONE_VS_REST = {"estimator": {"name": "sklearn.SGDClassifier", "params": {"loss": "log_loss"}}}

KINDS: list[tuple[str, dict[str, Any], int]] = [
    ("petafit.OnlineLinearClassifier", {}, 2),
    ("petafit.OnlineLinearClassifier", {"optimizer": "ftrl"}, 3),
    ("petafit.OnlineLinearRegressor", {}, 0),
    ("petafit.FactorizationMachineClassifier", {"n_factors": 2}, 2),
    ("petafit.FactorizationMachineRegressor", {"optimizer": "ftrl", "n_factors": 2}, 0),
    ("petafit.Ridge", {}, 0),
    ("sklearn.SGDClassifier", {"loss": "log_loss"}, 2),
    ("sklearn.SGDClassifier", {"average": True}, 3),
    ("sklearn.SGDRegressor", {"average": True}, 0),
    ("sklearn.Perceptron", {}, 3),
    ("sklearn.PassiveAggressiveRegressor", {}, 0),
    ("sklearn.SGDOneClassSVM", {}, 2),
    ("sklearn.BernoulliNB", {}, 3),
    ("sklearn.GaussianNB", {}, 2),
    ("sklearn.MLPClassifier", {"hidden_layer_sizes": [3]}, 3),
    ("sklearn.MLPRegressor", {"hidden_layer_sizes": [3, 2]}, 0),
    ("sklearn.MiniBatchKMeans", {"n_clusters": 3}, 2),
    ("sklearn.Birch", {"n_clusters": None}, 2),
    ("sklearn.OneVsRestClassifier", _ONE_VS_REST, 3),
    ("sklearn.OneVsOneClassifier", {"estimator": "sklearn.BernoulliNB"}, 3),
    ("sklearn.MultiOutputRegressor", {"estimator": "sklearn.SGDRegressor"}, 0),
]


def rows(seed: int = 0, size: int = 40) -> pa.RecordBatch:
    random = np.random.default_rng(seed)
    return pa.RecordBatch.from_pydict(
        {
            "x": pa.array(random.normal(size=size), mask=random.random(size) < 0.1),
            "city": pa.array([f"city {code}" for code in random.integers(0, 5, size)]),
            "note": pa.array([f"word{code} and more" for code in random.integers(0, 9, size)]),
        }
    )


def published(name: str, params: dict[str, Any], n_classes: int) -> StateDict:
    """The content of a model of `n_classes`, or of a number where that is 0."""
    column = ColumnStatistics(count=36, missing=4, mean=0.1, sd=1.1, minimum=-3.0, maximum=3.0)
    classes = tuple("abcd"[:n_classes]) or None
    statistics = TableStatistics(
        rows=40,
        weight=40.0,
        columns={"x": column},
        classes=classes,
        class_counts=(10,) * n_classes if classes else None,
        label=None if classes else column,
    )
    choice = LearnerChoice(name=name, params=params)
    info, given = describe(choice), rows()
    encoder = Encoder(FEATURES, statistics, hash_bits=4, layout=info.layout, dtype=info.dtype)
    learner = make_learner(choice, n_features=encoder.n_features, statistics=statistics)
    state = learner.start()
    y = np.arange(40) % n_classes if classes else np.arange(40) / 20.0
    batch = encoder(given)
    batch = type(batch)(abs(batch.X), y.astype(np.float64))
    weights = learner.finish(learner.lift(learner.reduce(state, batch)))
    return from_bytes(to_bytes(Model(encoder, choice, given.schema, weights).to_state_dict()))


def mutants(content: StateDict) -> Iterator[tuple[str, StateDict]]:
    """The same content with one array or one parameter changed, and what was changed."""
    for name, array in content.arrays.items():
        for what, changed in _arrays(array):
            yield f"{name}: {what}", StateDict({**content.arrays, name: changed}, content.params)
        rest = {other: held for other, held in content.arrays.items() if other != name}
        yield f"{name}: missing", StateDict(rest, content.params)
    yield "an array more", StateDict({**content.arrays, "weights/more": np.ones(3)}, content.params)
    for path in _paths(content.params):
        for value in (None, -1, 0, 10**12, 1.5, float("nan"), "x", [], {}, True, [3], _MISSING):
            changed = _with(content.params, path, value)
            yield f"{path}: {value!r}", StateDict(content.arrays, changed)


_MISSING = object()


def _arrays(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "empty", array[:0] if array.ndim else np.empty(0, array.dtype)
    yield "one dimension more", array[None]
    yield "flat", array.ravel()[:-1]
    yield "transposed and longer", np.concatenate([array.T, array.T]) if array.ndim else array
    yield "shorter", array[:-1] if array.ndim else np.empty((0, 4), array.dtype)
    yield "one", np.ones((1,) * array.ndim, array.dtype)
    for dtype in ("float64", "float32", "int64", "int8", "U3", "complex64"):
        if array.dtype != dtype:
            yield dtype, array.astype(dtype)
    for value in (np.nan, np.inf, -np.inf, -1, 10**9, 3e38):
        if array.size and array.dtype.kind in "fi":
            changed = array.copy()
            with np.errstate(all="ignore"):
                changed.flat[-1] = value if array.dtype.kind == "f" else _whole(value)
            yield f"{value}", changed


def _whole(value: float) -> int:
    return int(value) if abs(value) <= 10**9 else 100


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict | list):
        for key, part in [*parts][:30]:
            yield from (
                _paths(part, (*path, key)) if isinstance(part, dict | list) else [(*path, key)]
            )


def _with(value: Any, path: tuple[Any, ...], changed: Any) -> Any:
    if not path:
        return changed
    copied = dict(value) if isinstance(value, dict) else list(value)
    if len(path) == 1 and changed is _MISSING:
        del copied[path[0]]
    else:
        copied[path[0]] = _with(copied[path[0]], path[1:], changed)
    return copied


def survives(content: StateDict) -> str | None:
    """The fault in the treatment of a mutant; None if there is none."""
    try:
        model = model_from_named(from_bytes(to_bytes(content)))
        if not isinstance(model, Model):
            return None  # without weights it counts as one of Spark's
        found = model._predicted(rows(1))
    except PetafitError:
        return None
    except Exception as error:
        return f"raises {type(error).__name__}: {error}"
    wanted = (40,) if len(model.classes or ()) <= 2 else (40, len(model.classes or ()))
    fine = found.shape == wanted and bool(np.isfinite(found).all())
    return None if fine else f"predicts {found.dtype} {found.shape}"


def main(first: int, step: int) -> None:
    """Try every `step`-th mutant, from the `first`."""
    warnings.simplefilter("ignore")
    total = 0
    for name, params, n_classes in KINDS:
        content = published(name, params, n_classes)
        assert survives(content) is None
        for what, mutant in islice(mutants(content), first, None, step):
            print(f"{name} {n_classes}: {what}", end="", flush=True)
            wrong = survives(mutant)
            print("" if wrong is None else f" -> WRONG: {wrong[:200]}")
            total += 1
    print(f"all {total}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
