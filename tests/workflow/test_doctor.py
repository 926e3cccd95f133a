"""`petafit doctor` with real faults: each is found, and what mends it is said."""

from pathlib import Path
from typing import Any

import pytest

from petafit.compiled.ahead import compiled_ahead
from petafit.config.settings import Settings
from petafit.workflow.doctor import Check, doctor, worst
from tests.small import with_settings


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
