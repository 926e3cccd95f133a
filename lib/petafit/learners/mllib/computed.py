"""The base of MLlib's models that are computed from their stored numbers, without Spark."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.sparse import csc_array

from petafit.store.arrays import StateDict

MOST_NUMBERS = 1 << 26
"""Limit of the numbers sent to every worker: 512 MB. Spark predicts with larger models."""


class ComputedModel(ABC):
    """A model of MLlib's that workers compute.

    Attributes
    ----------
    n_features : int
        Length of the vectors that it predicts.
    """

    @property
    @abstractmethod
    def n_features(self) -> int: ...

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Return predictions in the form of learners, of the classes that the model distinguishes.

        Parameters
        ----------
        X : csr_array of float64, shape (n_rows, n_features)
        """

    @abstractmethod
    def to_state_dict(self) -> StateDict:
        """Return the content that `from_state_dict` needs, as it is sent to workers."""

    @classmethod
    @abstractmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        """Rebuild the model from `to_state_dict`'s content."""


def vector(stored: pa.StructScalar) -> np.ndarray:
    """Return a vector as stored by Spark: dense, or sparse with its size."""
    values = numbers(stored["values"])
    if stored["type"].as_py() == 1:
        return values
    whole = np.zeros(stored["size"].as_py())
    whole[numbers(stored["indices"])] = values
    return whole


def matrix(stored: pa.StructScalar) -> np.ndarray:
    """Return a matrix as stored by Spark: dense or compressed, by columns unless transposed."""
    values, transposed = numbers(stored["values"]), stored["isTransposed"].as_py()
    rows, columns = stored["numRows"].as_py(), stored["numCols"].as_py()
    shape = (columns, rows) if transposed else (rows, columns)
    if stored["type"].as_py() == 1:
        whole = values.reshape(shape, order="F")
    else:
        places = numbers(stored["rowIndices"]), numbers(stored["colPtrs"])
        whole = csc_array((values, *places), shape=shape).toarray()
    return np.ascontiguousarray(whole.T if transposed else whole)


def numbers(listed: pa.ListScalar) -> np.ndarray:
    """Return a list of numbers."""
    return np.asarray(listed.values.to_numpy(zero_copy_only=False))
