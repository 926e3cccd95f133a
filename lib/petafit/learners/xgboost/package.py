"""The XGBoost package, which is optional and imported when it is needed."""

from importlib.util import find_spec
from types import ModuleType

from petafit.errors import ConfigurationError


def has_xgboost() -> bool:
    """Return whether the package is installed."""
    return find_spec("xgboost") is not None


def xgboost_package() -> ModuleType:
    """Import the package.

    Raises
    ------
    ConfigurationError
        It is not installed.
    """
    if not has_xgboost():
        raise ConfigurationError(
            "XGBoost's learners need the package xgboost",
            hint="Install it: pip install 'petafit[xgboost]'; a cluster's workers need it, too.",
        )
    import xgboost

    return xgboost
