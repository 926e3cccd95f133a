"""Serialization of fitted scikit-learn estimators to named arrays and parameters, without pickle.

An estimator's content is stored by value: numbers, strings, arrays with their dtype and memory
order, containers, random states, and objects of the classes in
`petafit.learners.sklearn.classes.STORABLE`. Shared references are preserved, and an array that is a
view of another stays one: some estimators modify their arrays in place. Reading creates no object
of any other class and runs none of their code.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from petafit.errors import ConfigurationError, StorageError
from petafit.features.encoding.stored import MALFORMED
from petafit.learners.sklearn.classes import STORABLE, load_class
from petafit.store.arrays import StateDict


def encode(estimator: Any) -> StateDict:
    """Serialize a copy of an estimator.

    Raises
    ------
    ConfigurationError
        It holds something that cannot be stored; the attribute is named.
    """
    return _Writer().write(estimator)


def decode(named: StateDict, *, copy: bool = True) -> Any:
    """Rebuild the estimator that `encode` stored.

    Parameters
    ----------
    copy : bool
        If false, the estimator shares the arrays, and must not be fitted further.

    Raises
    ------
    StorageError
        The content was not written by `encode`.
    """
    try:
        return _Reader(named, copy=copy).read()
    except MALFORMED as error:
        raise StorageError("The stored estimator cannot be read", got=repr(error)) from error


_MADE_ANEW = frozenset({"_loss_function_"})
"""Attributes of scikit-learn's linear models that every `partial_fit` sets before reading them."""

_KEYS = 624
"""Length of a Mersenne Twister's state."""


class _Writer:
    """Traverses an estimator's content; objects are queued, so nesting depth is not limited."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.objects: list[Any] = []
        self.positions: dict[int, int] = {}
        self.names: dict[int, str] = {}

    def write(self, estimator: Any) -> StateDict:
        written: list[dict[str, Any]] = []
        self._object(estimator)
        while len(written) < len(self.objects):
            written.append(self._content(self.objects[len(written)], str(len(written))))
        views = self._views()
        arrays = {n: a.copy(order="K") for n, a in self.arrays.items() if n not in views}
        return StateDict(arrays, {"objects": written, "views": views})

    def _content(self, thing: Any, path: str) -> dict[str, Any]:
        """Return an object's class, and its attributes or its random state."""
        kind = type(thing).__name__
        if isinstance(thing, np.random.RandomState):
            return {"class": kind, "state": self._value(thing.get_state(legacy=False), path)}
        names = sorted(vars(thing).keys() - _MADE_ANEW)
        held = {name: self._value(vars(thing)[name], f"{path}.{name}") for name in names}
        return {"class": kind, "attributes": held}

    def _value(self, value: Any, path: str) -> Any:
        if isinstance(value, np.generic):
            self.arrays[path] = np.asarray(value)
            return {"scalar": path}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return {"array": self._array(value, path)}
        if isinstance(value, list | tuple):
            items = [self._value(item, f"{path}.{i}") for i, item in enumerate(value)]
            return {type(value).__name__: items}
        if isinstance(value, dict):
            return {
                "dict": [
                    [self._value(k, path), self._value(v, f"{path}.{k}")] for k, v in value.items()
                ]
            }
        if _storable(value):
            return {"object": self._object(value)}
        raise ConfigurationError(
            f"{type(self.objects[0]).__name__} holds what cannot be stored, in {path!r}",
            expected="numbers, strings, arrays, containers of these, or known estimators",
            got=type(value).__qualname__,
        )

    def _array(self, array: np.ndarray, path: str) -> str:
        name = self.names.setdefault(id(array), path)
        self.arrays[name] = array
        return name

    def _object(self, thing: Any) -> int:
        position = self.positions.setdefault(id(thing), len(self.objects))
        if position == len(self.objects):
            self.objects.append(thing)
        return position

    def _views(self) -> dict[str, dict[str, Any]]:
        """Find the arrays that share memory with another one that is stored whole."""
        found = {}
        for name, array in self.arrays.items():
            base = array.base
            owner = self.names.get(id(base))
            if owner is not None and base is not None and base.flags.c_contiguous:
                offset = _address(array) - _address(base)
                found[name] = {
                    "of": owner,
                    "offset": offset,
                    "shape": list(array.shape),
                    "strides": list(array.strides),
                    "dtype": array.dtype.str,
                }
        return found


class _Reader:
    """Creates all objects empty, then fills them, so that references may be cyclic."""

    def __init__(self, named: StateDict, *, copy: bool) -> None:
        self.written = named.params["objects"]
        own = {n: a.copy(order="K") if copy else a for n, a in named.arrays.items()}
        views = {
            name: np.ndarray(
                tuple(view["shape"]),
                view["dtype"],
                own[view["of"]],
                view["offset"],
                tuple(view["strides"]),
            )
            for name, view in named.params["views"].items()
        }
        self.arrays = {**own, **views}

    def read(self) -> Any:
        self.objects = [self._create(content) for content in self.written]
        for thing, content in zip(self.objects, self.written, strict=True):
            for attribute, value in content.get("attributes", {}).items():
                thing.__dict__[attribute] = self._value(value)
        return self.objects[0]

    def _create(self, content: Mapping[str, Any]) -> Any:
        if content["class"] == "RandomState":
            return _random_state(self._value(content["state"]))
        kind = load_class(content["class"])
        return object.__new__(kind)

    def _value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        ((form, content),) = value.items()
        if form == "scalar":
            return self.arrays[content][()]
        if form == "array":
            return self.arrays[content]
        if form == "object":
            return self.objects[content]
        if form == "dict":
            return {self._value(key): self._value(item) for key, item in content}
        items = map(self._value, content)
        return tuple(items) if form == "tuple" else list(items)


def _random_state(stored: Any) -> np.random.RandomState:
    """Restore a random state, checking its position, which numpy does not."""
    key, position = np.asarray(stored["state"]["key"]), stored["state"]["pos"]
    if key.shape != (_KEYS,) or type(position) is not int or not 0 <= position <= _KEYS:
        raise ValueError("a random state of unexpected form")
    random = np.random.RandomState()
    random.set_state(stored)
    return random


def _address(array: np.ndarray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _storable(value: Any) -> bool:
    kind = type(value)
    known = kind.__name__ in STORABLE and load_class(kind.__name__) is kind
    return known or isinstance(value, np.random.RandomState)
