"""`petafit export`: what is refused, and what a failure leaves behind."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, EmptyInputError, StorageError
from petafit.workflow import export as job
from petafit.workflow.train import train
from tests.small import rewrite, settings_in, table, with_settings


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A task with a model, which no test changes."""
    settings = settings_in(tmp_path_factory.mktemp("published"))
    train(settings)
    return settings


@pytest.fixture
def trained(published: Settings, tmp_path: Path) -> Settings:
    """The task, to be exported into a folder that is not there."""
    return to_onnx(published, tmp_path)


def to_onnx(settings: Settings, folder: Path) -> Settings:
    export = {"to": "onnx", "output": str(folder / "made" / "here"), "rows": 500}
    runs = {"runs": str(folder / "runs")}
    return with_settings(settings, export=export, paths=runs)


def left(settings: Settings) -> list[str]:
    """Everything beside the place of the export, hidden names too."""
    return [path.name for path in Path(str(settings.export.output)).parent.glob("*")]


def test_the_manifest_says_where_it_is(trained: Settings) -> None:
    manifest = petafit.export(trained).manifest
    (output,) = manifest["outputs"]
    assert output == {
        "path": trained.export.output,
        "format": "onnx",
        "rows": manifest["rows"]["in"],
    }
    assert 0 < output["rows"] <= 500
    assert manifest["metrics"]["largest_difference"] < 1e-6
    assert sorted(path.name for path in Path(output["path"]).iterdir()) == [
        "certificate.json",
        "model.onnx",
    ]
    assert left(trained) == ["here"]


def test_a_larger_difference_leaves_nothing(trained: Settings) -> None:
    strict = with_settings(trained, export={"tolerance": 1e-17})
    with pytest.raises(StorageError, match=r"nothing was written.*at row \d+, to 1e-17") as caught:
        petafit.export(strict)
    assert caught.value.exit_code == 1
    assert left(trained) == []


def test_a_folder_that_exists_is_kept(trained: Settings) -> None:
    petafit.export(trained)
    before = certificate(trained)
    with pytest.raises(ConfigurationError, match="exists already"):
        petafit.export(trained)
    assert certificate(trained) == before


def certificate(settings: Settings) -> dict[str, Any]:
    return json.loads((Path(str(settings.export.output)) / "certificate.json").read_text())


KILLED = """
import os, signal, sys
import petafit.workflow.export as job
from petafit.config.settings import Settings
from petafit.exports.parity import Parity

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "before":
    Parity.require = die
else:
    job._record = die
job.export(Settings.model_validate_json(sys.argv[1]), run_id="cut")
"""


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_killed_export_leaves_all_or_nothing(trained: Settings, place: str) -> None:
    """And the same run id goes on: it writes the folder, or finds its own."""
    program = [sys.executable, "-c", KILLED, trained.model_dump_json(), place]
    done = subprocess.run(program, check=False)
    assert done.returncode == -9
    output = Path(str(trained.export.output))
    assert output.exists() is (place == "after")
    before = certificate(trained) if place == "after" else None
    manifest = petafit.export(trained, run_id="cut").manifest
    assert manifest["status"] == "succeeded"
    assert manifest["outputs"][0]["path"] == str(output)
    assert before in (None, certificate(trained))
    assert petafit.export(trained, run_id="cut").finished


def test_a_date_names_a_folder_a_day(trained: Settings) -> None:
    output = f"{trained.export.output}/{{logical_date}}"
    daily = with_settings(trained, export={"output": output})
    for date in ("2024-01-01", "2024-01-02"):
        petafit.export(daily, logical_date=date)
    assert sorted(left(daily)) == ["2024-01-01", "2024-01-02"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"export": {"to": None}}, "nothing to export to.*--to onnx"),
        ({"export": {"output": None}}, "nothing to export to.*export.output"),
        ({"export": {"to": "spark"}}, "there is no Spark.*engine: spark"),
        ({"model": "absent"}, "No model 'absent'"),
    ],
)
def test_settings_that_cannot_work(trained: Settings, changes: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        petafit.export(with_settings(trained, **changes))
    assert left(trained) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"features": [{"text": "city"}]},
            "cannot be exported to onnx.*\n- city_words: text, which ONNX cannot split",
        ),
        ({"unicode": "NFC"}, "`unicode: NFC`: neither Spark nor ONNX normalizes"),
        ({"learner": "petafit.FactorizationMachineClassifier"}, "Factorization.*a linear model"),
        ({"learner": "sklearn.GaussianNB", "hash_bits": 5}, r"sklearn.GaussianNB cannot be exp"),
    ],
)
def test_models_that_are_refused(
    settings: Settings, tmp_path: Path, changes: Any, message: str
) -> None:
    asked = with_settings(to_onnx(settings, tmp_path), **changes)
    train(asked)
    with pytest.raises(ConfigurationError, match=message):
        petafit.export(asked)
    assert left(asked) == []


def test_functions_are_refused(settings: Settings, tmp_path: Path) -> None:
    module = tmp_path / "own.py"
    module.write_text(
        "import petafit\n\n"
        "@petafit.function(returns='double')\n"
        "def doubled(speed):\n    return speed * 2\n"
    )
    asked = with_settings(
        to_onnx(settings, tmp_path), functions=str(module), features=[{"numeric": "doubled"}]
    )
    train(asked)
    with pytest.raises(ConfigurationError, match="functions of a module of its own"):
        petafit.export(asked)


def test_without_onnx_the_packages_are_named(
    trained: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"petafit\[onnx\]"):
        petafit.export(trained)


def test_rows_without_prediction_are_left_out(settings: Settings, tmp_path: Path) -> None:
    """An infinite number is none that petafit predicts; without any other row there is nothing."""
    train(settings)
    content = table()
    speed = pa.array([float("inf")] * content.num_rows)
    rewrite(settings, content.set_column(content.schema.get_field_index("speed"), "speed", speed))
    with pytest.raises(EmptyInputError, match="no rows to compare"):
        petafit.export(to_onnx(settings, tmp_path))
