"""Summaries and parameters of MLlib's estimators, as Spark documents them; needs no session."""

import inspect

from petafit.learners.documentation import Parameter, summary
from petafit.learners.mllib.estimators import find_class, own_parameters
from petafit.learners.mllib.recommenders import ID_PARAMS

_OF_IDS = {
    name: Parameter(
        name, inspect.Parameter.empty, "", f"column of the ids of {of}: text or numbers"
    )
    for name, of in zip(ID_PARAMS, ("users", "items"), strict=True)
}
"""Parameters that a task must give; Spark's own takes small numbers only."""


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
        _OF_IDS.get(each)
        or Parameter(each, declared[each].default, "", getattr(kind, each).doc.rstrip("."))
        for each in own_parameters(kind)
    ]
    return summary(kind), parameters
