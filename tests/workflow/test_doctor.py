"""`petafit doctor` with real faults: each is found, and what mends it is said."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from petafit.compiled.ahead import compiled_ahead
from petafit.config.settings import Settings
from petafit.workflow.doctor import Check, doctor, worst
from tests.small import with_settings

MAIN = "from petafit.cli import main; main()"


def found(checks: list[Check], name: str) -> Check:
    (check,) = (check for check in checks if check.name == name)
    return check


def test_an_environment_without_spark(settings: Settings) -> None:
    checks = doctor(settings)
    assert worst(checks) in ("ok", "warning")
    assert {check.status for check in checks if "kernels" not in check.name} == {"ok"}
    assert "12 files" in found(checks, "driver: table").found
    assert not Path(settings.paths.models).exists(), "it leaves nothing behind"


def test_kernels_that_are_to_be_compiled(tmp_path: Path, monkeypatch: Any) -> None:
    from petafit.compiled import ahead

    monkeypatch.setenv("PETAFIT_KERNELS", str(tmp_path / "none"))
    monkeypatch.setattr(ahead, "cache_folder", lambda: tmp_path / "cache")
    assert compiled_ahead() == ""


def test_a_folder_that_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checks = doctor(with_settings(settings, paths={"runs": str(tmp_path / "file" / "runs")}))
    broken = found(checks, "driver: paths.runs")
    assert broken.status == worst(checks) == "failed"
    assert "Cannot write" in broken.found
    assert "right to write" in broken.mend
    assert found(checks, "driver: paths.models").status == "ok"


def test_a_table_that_is_not_there(settings: Settings, tmp_path: Path) -> None:
    checks = doctor(with_settings(settings, table=str(tmp_path / "nowhere")))
    assert "There is no table" in found(checks, "driver: table").found


def test_no_java(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    checks = doctor(with_settings(settings, engine="spark"))
    java = found(checks, "driver: java")
    assert java.status == "failed"
    assert "Spark needs Java 17" in java.found
    assert "Install it" in java.mend
    assert not [check for check in checks if check.name.startswith(("spark", "executor"))]


def run(folder: Path, **spark: object) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of the command, with settings of Spark in a folder."""
    (folder / "conf").mkdir()
    (folder / "conf/local.yaml").write_text(json.dumps({"spark": spark}))
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "doctor", "--json"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.cluster
def test_a_master_that_does_not_answer(tmp_path: Path) -> None:
    code, answer = run(tmp_path, master="spark://127.0.0.1:1")
    assert (code, answer["status"]) == (2, "failed")
    (broken,) = (check for check in answer["checks"] if check["status"] == "failed")
    assert broken["name"] == "spark"
    assert "No Spark master answers" in broken["found"]
    assert "spark.master" in broken["mend"]


@pytest.mark.cluster
def test_executors_with_another_petafit(tmp_path: Path) -> None:
    from tests.cluster import standalone

    other = tmp_path / "other"
    (other / "petafit").mkdir(parents=True)
    (other / "petafit/__init__.py").touch()
    (other / "petafit-0.0.7.dist-info").mkdir()
    described = "Metadata-Version: 2.1\nName: petafit\nVersion: 0.0.7\n"
    (other / "petafit-0.0.7.dist-info/METADATA").write_text(described)
    submit = {"spark.ui.enabled": False, "spark.executorEnv.PYTHONPATH": str(other)}
    python = {"spark.pyspark.python": sys.executable}
    with standalone(tmp_path, python=Path(sys.executable)) as master:
        code, answer = run(tmp_path, master=master, submit=submit | python)
    assert (code, answer["status"]) == (2, "failed")
    broken = [check for check in answer["checks"] if check["status"] == "failed"]
    assert all(check["name"].startswith("executor 0 on ") for check in broken)
    (version,) = (check for check in broken if "0.0.7" in check["found"])
    assert version["mend"] == (
        "Ship the driver's with `spark-submit --archives`: `petafit package` makes the archive."
    )


@pytest.mark.cluster
def test_executors_without_any_package(tmp_path: Path) -> None:
    from tests.cluster import standalone

    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    python = {"spark.ui.enabled": False, "spark.pyspark.python": str(bare / "bin/python")}
    with standalone(tmp_path, python=bare / "bin/python") as master:
        code, answer = run(tmp_path, master=master, submit=python)
    assert code == 2
    (broken,) = (check for check in answer["checks"] if check["status"] == "failed")
    assert broken["name"] == "spark"
    assert "petafit package" in broken["mend"]
