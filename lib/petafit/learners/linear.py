"""Former name of `petafit.learners.online.linear.estimators`, kept for imports of users."""

from petafit.learners.online.linear.estimators import OnlineLinearClassifier, OnlineLinearRegressor

__all__ = ["OnlineLinearClassifier", "OnlineLinearRegressor"]
