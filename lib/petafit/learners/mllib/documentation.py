"""Summaries and parameters of MLlib's estimators, as Spark documents them; needs no session."""

import inspect

from petafit.learners.documentation import Parameter, summary
from petafit.learners.mllib.estimators import find_class, own_parameters


def documentation(name: str) -> tuple[str, list[Parameter]]:
    """Return an estimator's summary and its parameters.

    Raises
    ------
    ConfigurationError
        An unknown estimator.
    """
    _, kind = find_class(name)
    declared = inspect.signature(kind).parameters
    parameters = [
        Parameter(each, declared[each].default, "", getattr(kind, each).doc.rstrip("."))
        for each in own_parameters(kind)
    ]
    return summary(kind), parameters
