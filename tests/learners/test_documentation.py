"""The parameters that `petafit learners` shows are those that a task may set."""

import inspect
import json

import pytest

from petafit.cli.main import main
from petafit.config.settings import LearnerChoice
from petafit.learners.online.linear.estimators import OnlineLinearClassifier
from petafit.learners.registry import describe, documentation, learner_names


@pytest.mark.parametrize("name", learner_names())
def test_every_parameter_of_every_learner_is_described(name: str) -> None:
    summary, parameters = documentation(name)

    assert summary.endswith(".")
    assert [each.name for each in parameters if not each.description] == []
    if name.startswith("petafit."):
        assert [each for each in parameters if "`" in each.description] == []


def test_the_defaults_are_those_of_the_class() -> None:
    shown = {each.name: each.default for each in documentation("petafit.OnlineLinearClassifier")[1]}

    declared = inspect.signature(OnlineLinearClassifier).parameters
    only_in_fit = {"max_iter", "shuffle", "random_state"}
    assert shown == {n: p.default for n, p in declared.items() if n not in only_in_fit}


@pytest.mark.parametrize("name", ["petafit.FactorizationMachineRegressor", "petafit.Ridge"])
def test_what_is_shown_is_accepted(name: str) -> None:
    shown = {each.name: each.default for each in documentation(name)[1]}

    assert describe(LearnerChoice(name=name, params=shown)).kind == "regressor"


def test_a_reference_to_another_class_is_resolved() -> None:
    first, second = (
        {each.name: each for each in documentation(f"petafit.{name}")[1]}["l2"]
        for name in ("OnlineLinearClassifier", "FactorizationMachineRegressor")
    )

    assert second.description.startswith(first.description)
    assert second.description.endswith("Of the weights w alone. Of the standardised label.")
    assert second.type == first.type == "float"


def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["learners", "petafit.Ridge"])
    assert "alpha" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="0"):
        main(["learners", "sklearn.MultiOutputClassifier", "--json"])
    estimator = json.loads(capsys.readouterr().out)["parameters"][0]
    assert (estimator["name"], estimator["required"]) == ("estimator", True)
    assert "default" not in estimator
    with pytest.raises(SystemExit, match="0"):
        main(["learners", "--json"])
    assert json.loads(capsys.readouterr().out).keys() == set(learner_names())
    with pytest.raises(SystemExit, match="2"):
        main(["learners", "petafit.Rigde"])
    assert "Did you mean 'petafit.Ridge'?" in capsys.readouterr().err
