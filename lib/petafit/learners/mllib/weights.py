"""Coefficients, importances and centers of MLlib's models, by the index of the feature."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

_MOST_NUMBERS = 1 << 26
"""Limit of the coefficients copied from the JVM: 512 MB."""


@dataclass(frozen=True)
class IndexWeights:
    """Weights of the features.

    Attributes
    ----------
    kind : {"coefficients", "importances", "centers"}
        Importances are the share of each feature in what a tree's splits gain; centers are the
        means of the features in each cluster.
    values : ndarray of float64, shape (n_outputs, n_features)
        One output for two classes or for a number; else one for each class that has been learnt,
        or for each cluster.
    """

    kind: Literal["coefficients", "importances", "centers"]
    values: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """The features' weights in size, (n_features,); of centers their largest differences."""
        if self.kind == "centers":
            return np.asarray(np.ptp(self.values, axis=0))
        return np.asarray(np.abs(self.values).max(axis=0))

    def largest(self, count: int) -> np.ndarray:
        """Return the indices of the features with the largest `sizes`, largest first."""
        sizes = self.sizes
        order = np.argsort(-sizes, kind="stable")[:count]
        return np.asarray(order[sizes[order] > 0])


def weights_of(fitted: Any) -> IndexWeights | None:
    """Return the weights of a fitted estimator of MLlib's; None if it has none, or too many."""
    if hasattr(fitted, "models"):  # OneVsRest: a model for each class
        each = [weights_of(model) for model in fitted.models]
        if any(found is None for found in each):
            return None
        known = [found for found in each if found is not None]
        return IndexWeights(known[0].kind, np.concatenate([found.values for found in known]))
    if hasattr(fitted, "clusterCenters"):
        return IndexWeights("centers", np.array(fitted.clusterCenters()))
    if hasattr(fitted, "gaussiansDF"):
        means = [row.mean.toArray() for row in fitted.gaussiansDF.select("mean").collect()]
        return IndexWeights("centers", np.array(means))
    if hasattr(fitted, "featureImportances"):
        return IndexWeights("importances", fitted.featureImportances.toArray()[None, :])
    if hasattr(fitted, "coefficientMatrix"):
        matrix = fitted.coefficientMatrix
        if matrix.numRows * matrix.numCols > _MOST_NUMBERS:
            return None
        values = matrix.toArray()
        # The multinomial form of two classes has opposite rows.
        return IndexWeights("coefficients", values[1:] - values[:1] if len(values) == 2 else values)
    if hasattr(fitted, "coefficients"):
        return IndexWeights("coefficients", fitted.coefficients.toArray()[None, :])
    linear = getattr(fitted, "linear", None)  # of a factorization machine
    return None if linear is None else IndexWeights("coefficients", linear.toArray()[None, :])
