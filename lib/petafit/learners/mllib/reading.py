"""MLlib's stored models in the forms that are computed without Spark."""

from collections.abc import Mapping

from petafit.learners.mllib.centers import ClusterCenters
from petafit.learners.mllib.computed import ComputedModel
from petafit.learners.mllib.linear import LinearModel
from petafit.learners.mllib.mixture import GaussianMixture
from petafit.learners.mllib.stored import StoredEstimator
from petafit.learners.mllib.trees import TreeEnsemble
from petafit.store.arrays import StateDict

_KINDS: Mapping[str, type[LinearModel | TreeEnsemble | ClusterCenters | GaussianMixture]] = {
    "linear": LinearModel,
    "trees": TreeEnsemble,
    "centers": ClusterCenters,
    "mixture": GaussianMixture,
}


def read_computed(stored: StoredEstimator) -> ComputedModel | None:
    """Read a stored model; None if only Spark can predict with it.

    Raises
    ------
    StorageError
        It is damaged.
    """
    found = (kind.read(stored) for kind in _KINDS.values())
    return next((model for model in found if model is not None), None)


def to_named(model: ComputedModel) -> StateDict:
    """Return the content of a model of any kind."""
    (name,) = (name for name, kind in _KINDS.items() if type(model) is kind)
    return model.to_state_dict().prefixed(name)


def from_named(named: StateDict) -> ComputedModel:
    """Rebuild a model from `to_named`'s content."""
    (name,) = {key.partition("/")[0] for key in (*named.arrays, *named.params)}
    return _KINDS[name].from_state_dict(named.part(name))
