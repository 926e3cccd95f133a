"""Stored models whose digests agree, and which are still not believed."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from petafit.errors import StorageError
from petafit.models.model import model_from_named
from petafit.store.arrays import StateDict
from tests.models import mutants


def test_no_mutant_ends_the_process_or_predicts_nonsense():
    """Every 40th of some 40,000, in a process that a kernel may kill."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.mutants", "7", "40"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    assert [line for line in lines if "WRONG" in line] == []
    assert lines[-1].startswith("all ")
    assert len(lines) > 500


@pytest.fixture(scope="module")
def linear() -> StateDict:
    return mutants.published("petafit.OnlineLinearClassifier", {}, 2)


def test_no_validator_is_made_for_each_feature(
    linear: StateDict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes milliseconds: of 20,000 columns a minute."""
    monkeypatch.setattr("petafit.features.encoding.stored.TypeAdapter", None)
    assert model_from_named(linear).schema.names


def with_array(content: StateDict, name: str, array: np.ndarray) -> StateDict:
    return StateDict({**content.arrays, name: array}, content.params)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 1), np.float32), r"expected float32 \(18, 1\); got float32 \(3, 1\)"),
        (np.zeros((18, 1)), "got float64"),
        (np.full((18, 1), np.nan, np.float32), "numbers that are not finite"),
        (np.full((18, 1), np.inf, np.float32), "numbers that are not finite"),
    ],
)
def test_an_array_that_does_not_fit_the_model_is_named(linear, array, message):
    with pytest.raises(StorageError, match=message) as raised:
        model_from_named(with_array(linear, "weights/weights", array))
    assert "'weights'" in str(raised.value)


@pytest.mark.parametrize("hash_bits", [3, 5, 20, 30, 31, 64, 10**12, -1, 4.0, True, "4", None])
def test_the_encoder_must_fit_the_weights(linear, hash_bits):
    changed = {**linear.params, "encoder/hash_bits": hash_bits}
    with pytest.raises(StorageError):
        model_from_named(StateDict(linear.arrays, changed))


@pytest.mark.parametrize("position", [625, 10**6, -1])
def test_a_random_state_that_would_read_beyond_its_key_is_refused(position):
    content = mutants.published("sklearn.MLPClassifier", {"hidden_layer_sizes": [3]}, 3)
    objects = [
        {**each, "state": moved(each["state"], position)} if "state" in each else each
        for each in content.params["weights/objects"]
    ]
    assert objects != content.params["weights/objects"]
    with pytest.raises(StorageError, match="cannot be read"):
        model_from_named(StateDict(content.arrays, {**content.params, "weights/objects": objects}))


def moved(state: Any, position: int) -> Any:
    """A written random state with another position."""
    if isinstance(state, dict):
        return {name: moved(part, position) for name, part in state.items()}
    if isinstance(state, list):
        at = state[:1] == ["pos"]
        return ["pos", position] if at else [moved(part, position) for part in state]
    return state
