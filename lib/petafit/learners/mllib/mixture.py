"""Gaussian mixtures of MLlib's, computed from their stored parameters.

Component c has the weight w_c, the mean m_c and the covariance ``S_c = U D U^T``. Its density at x
is ``exp(-(d log(2 pi) + log|D| + |D^(-1/2) U^T (x - m_c)|**2) / 2)``, with d the number of
features; directions without variance are left out of D, as by Spark's MultivariateGaussian.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy.special import logsumexp

from petafit.features.encoding.stored import reading
from petafit.learners.mllib.clusters import ClusterModel
from petafit.learners.mllib.computed import matrix, numbers, vector
from petafit.learners.mllib.stored import StoredEstimator
from petafit.store.arrays import StateDict

_EPSILON = float(np.finfo(np.float64).eps)
"""What Spark adds to each density, so that a row far from all components has probabilities."""

_CHUNK = 1 << 22
"""The number of entries of rows that are made dense at a time: 32 MB."""


@dataclass(frozen=True)
class GaussianMixture(ClusterModel):
    """A mixture of normal distributions.

    Attributes
    ----------
    weights : ndarray of float64, shape (n_clusters,)
    means : ndarray of float64, shape (n_clusters, n_features)
    covariances : ndarray of float64, shape (n_clusters, n_features, n_features)
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @classmethod
    def read(cls, stored: StoredEstimator) -> Self | None:
        """Read a stored model; None if it is no mixture.

        Raises
        ------
        StorageError
            It is damaged.
        """
        if stored.name != "GaussianMixtureModel":
            return None
        with reading(f"Spark's model in {stored.folder.uri}"):
            data = stored.table("data")
            weights = numbers(data["weights"][0])
            means = np.array([vector(each) for each in data["mus"][0]])
            covariances = np.array([matrix(each) for each in data["sigmas"][0]])
            if not len(weights) == len(means) == len(covariances):
                raise ValueError("parts of different components")
            return cls(weights, means, covariances)

    @property
    def n_features(self) -> int:
        return int(self.means.shape[1])

    @property
    def n_clusters(self) -> int:
        return len(self.weights)

    def predict(self, X: Any) -> np.ndarray:
        """Return the probabilities of the clusters, (n_rows, n_clusters)."""
        return self._probabilities(self._log_densities(X))

    def assign(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's most probable cluster, and minus its log-likelihood."""
        densities = self._log_densities(X)
        with np.errstate(divide="ignore"):
            losses = -logsumexp(densities + np.log(self.weights), axis=1)
        return self._probabilities(densities).argmax(axis=1), np.asarray(losses)

    def _probabilities(self, log_densities: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            shares = _EPSILON + self.weights * np.exp(log_densities)
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def _log_densities(self, X: Any) -> np.ndarray:
        """Return the logarithms of the components' densities, (n_rows, n_clusters)."""
        step = max(1, _CHUNK // self.n_features)
        found = np.empty((X.shape[0], self.n_clusters))
        for start in range(0, X.shape[0], step):
            rows = X[start : start + step].toarray()
            for place, (root, constant) in enumerate(self._factors):
                distances = np.square((rows - self.means[place]) @ root).sum(axis=1)
                found[start : start + step, place] = constant - distances / 2
        return found

    @cached_property
    def _factors(self) -> list[tuple[np.ndarray, float]]:
        """``U D^(-1/2)`` and the constant of the log-density, of each component."""
        found = []
        for covariance in self.covariances:
            variances, axes = np.linalg.eigh(covariance)
            kept = variances > _EPSILON * variances.max() * len(variances)
            log_determinant = np.log(variances[kept]).sum()
            constant = -(len(variances) * np.log(2 * np.pi) + log_determinant) / 2
            found.append((axes[:, kept] / np.sqrt(variances[kept]), float(constant)))
        return found

    def to_state_dict(self) -> StateDict:
        names = "weights", "means", "covariances"
        return StateDict({name: getattr(self, name) for name in names})

    @classmethod
    def from_state_dict(cls, named: StateDict) -> Self:
        return cls(**named.arrays)
