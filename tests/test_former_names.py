"""Imports that users had before modules moved."""

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("former", "home", "name"),
    [
        ("petafit.session", "petafit.spark.session", "open_session"),
        ("petafit.java", "petafit.spark.java", "require_java"),
        (
            "petafit.learners.linear",
            "petafit.learners.online.linear.estimators",
            "OnlineLinearClassifier",
        ),
        (
            "petafit.learners.factorization",
            "petafit.learners.online.factorization.estimators",
            "FactorizationMachineClassifier",
        ),
    ],
)
def test_a_former_name_gives_the_same_object(former: str, home: str, name: str) -> None:
    assert getattr(import_module(former), name) is getattr(import_module(home), name)
