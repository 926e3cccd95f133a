"""Former name of `petafit.learners.online.factorization.estimators`, kept for imports of users."""

from petafit.learners.online.factorization.estimators import (
    FactorizationMachineClassifier,
    FactorizationMachineRegressor,
)

__all__ = ["FactorizationMachineClassifier", "FactorizationMachineRegressor"]
