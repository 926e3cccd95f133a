"""Summaries and parameters of XGBoost's learners, as its own documentation has them."""

import re
from dataclasses import replace

from petafit.learners.documentation import Parameter, parameters_of
from petafit.learners.xgboost.package import xgboost_package
from petafit.learners.xgboost.parameters import REFUSED, check_learner, default_of

_TYPING = re.compile(r"typing\.(?:Optional\[(\w+)\]$)?")


def documentation(name: str) -> tuple[str, list[Parameter]]:
    """Return a learner's summary, and the parameters that a task may set.

    Raises
    ------
    ConfigurationError
        An unknown learner, or the package is not installed.
    """
    check_learner(name)
    kind = xgboost_package().XGBModel
    parameters = [
        replace(
            each,
            default=default_of(name, each.name, each.default),
            type=_TYPING.sub(lambda found: found[1] or "", each.type),
        )
        for each in parameters_of(kind, leave_out={*REFUSED, "kwargs"})
    ]
    what = "classes" if name == "XGBClassifier" else "numbers"
    return f"Boosted trees of XGBoost for {what}.", parameters
