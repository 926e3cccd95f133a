"""A file of functions: read, sent by its text, and required as it was."""

import pickle
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from petafit.errors import ConfigurationError
from petafit.functions.derivation import Derivation, Requirement
from petafit.functions.module import FunctionModule

TEXT = """
import petafit

@petafit.function(returns="double")
def twice(speed):
    return speed * 2

@petafit.function(returns="string")
def first(city):
    return city.str[:1]
"""
BATCH = pa.record_batch({"speed": [1.0, None], "city": ["ab", "cd"]})


def written(folder: Path, text: str = TEXT) -> str:
    path = folder / "functions.py"
    path.write_text(textwrap.dedent(text))
    return str(path)


def test_a_module_goes_to_a_worker_without_its_file(tmp_path: Path) -> None:
    module = FunctionModule.read(written(tmp_path))
    sent = pickle.dumps(Derivation(module, ("twice", "first")))
    Path(module.path).unlink()
    found = pickle.loads(sent).extend(BATCH)
    assert found.schema.names == ["speed", "city", "twice", "first"]
    assert found["twice"].to_pylist() == [2.0, None]
    assert found["first"].to_pylist() == ["a", "c"]


def test_only_functions_whose_inputs_are_there_can_give_columns(tmp_path: Path) -> None:
    module = FunctionModule.read(written(tmp_path))
    assert set(module.derivable(pa.schema({"speed": pa.float64()}))) == {"twice"}
    both = pa.schema({"city": pa.string(), "first": pa.string()})
    assert set(module.derivable(both)) == set()  # the table's own column comes first


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "declares no function"),
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        FunctionModule.read(written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        FunctionModule.read(str(tmp_path / "none.py"))


def test_a_model_takes_no_other_functions_than_its_own(tmp_path: Path) -> None:
    module = FunctionModule.read(written(tmp_path))
    needed = Derivation(module, ("twice",)).requirement
    assert Requirement.from_plain(needed.to_plain()) == needed
    assert needed.met_by(module).names == ("twice",)
    with pytest.raises(ConfigurationError, match="does not contain: twice"):
        needed.met_by(None)
    other = FunctionModule(module.path, TEXT.replace("* 2", "* 3"))
    with pytest.raises(ConfigurationError, match="not those the model was trained with"):
        needed.met_by(other)
