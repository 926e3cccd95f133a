"""Errors: their sentences, their exit codes, their way through pickle."""

import pickle

import pytest

from petafit.errors import (
    ConfigurationError,
    ConflictError,
    ContractError,
    EmptyInputError,
    PetafitError,
    StorageError,
    did_you_mean,
)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({}, "No such thing"),
        ({"expected": 3, "got": 0}, "No such thing; expected 3; got 0"),
        ({"got": "", "hint": "Look again."}, "No such thing; got . Look again."),
        ({"hint": "Look again."}, "No such thing. Look again."),
    ],
)
def test_the_sentence_holds_the_parts_that_were_given(parts, sentence):
    assert str(PetafitError("No such thing.", **parts)) == sentence


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (PetafitError, 1),
        (StorageError, 1),
        (ConfigurationError, 2),
        (ContractError, 3),
        (EmptyInputError, 4),
        (ConflictError, 5),
    ],
)
def test_every_kind_has_its_exit_code_and_one_root(kind, exit_code):
    assert kind.exit_code == exit_code
    assert issubclass(kind, PetafitError)


def test_an_error_of_a_worker_reaches_the_driver_whole():
    error = ContractError("Column 'x' is missing", expected="double", got="string", hint="Cast it.")
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is ContractError
    assert str(arrived) == str(error)
    assert (arrived.what, arrived.expected, arrived.got, arrived.hint) == (
        error.what,
        error.expected,
        error.got,
        error.hint,
    )


def test_did_you_mean_names_the_close_choices_or_all():
    assert did_you_mean("lable", ["label", "learner"]) == "Did you mean 'label'?"
    assert did_you_mean("rounds", ["x", "a"]) == "Choose one of 'a', 'x'."
    assert did_you_mean("anything", []) == ""
    within = "There is 's'; of what is within it, make a column of its own."
    assert did_you_mean("s.city", ["s", "speed"]) == within


@pytest.mark.parametrize(("name", "choice"), [("caf\u00e9", "cafe\u0301"), ("K", "\u212a")])
def test_did_you_mean_distinguishes_names_that_look_the_same(name, choice):
    expected = f"There is {choice!a}, in another Unicode form than {name!a}."
    assert did_you_mean(name, ["caf", "cafes", choice]) == expected
