"""The processor that kernels are compiled for."""

from pathlib import Path

import pytest

from petafit.compiled import target
from tests.compiled.processes import environment, run

NAME = "import petafit.compiled.kernels as k; from petafit.compiled.target import target_name\n"
NAME += "k.choose_target(); print(target_name())"


def name_where_shipped(folder: Path, level: str, **variables: str) -> str:
    folder.joinpath("target").write_text(f"{level}\n")
    (name,), _ = run(NAME, environment(PETAFIT_KERNELS=str(folder), **variables))
    return name


def test_the_level_of_what_was_shipped_is_taken(tmp_path: Path) -> None:
    assert name_where_shipped(tmp_path, "generic") == "generic"


def test_a_level_this_machine_lacks_is_not_taken(tmp_path: Path) -> None:
    (own,), _ = run(NAME, environment(PETAFIT_KERNELS=str(tmp_path / "nothing")))
    assert own not in target.LEVELS
    assert name_where_shipped(tmp_path, "x86-64-v9") == own


def test_what_numba_is_told_comes_first(tmp_path: Path) -> None:
    variables = {"NUMBA_CPU_NAME": "core2", "NUMBA_CPU_FEATURES": ""}
    assert name_where_shipped(tmp_path, "generic", **variables) == "core2"


@pytest.mark.parametrize("missing", ["avx2", "fma"])
def test_each_level_needs_its_features(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    features = dict.fromkeys(target.LEVELS["x86-64-v3"], True)
    monkeypatch.setattr(target, "_machine", lambda: "x86_64-unknown-linux-gnu")
    monkeypatch.setattr(target, "_features", lambda: features)
    assert target.supports("x86-64-v3")
    assert not target.supports("x86-64-v4")
    features[missing] = False
    assert not target.supports("x86-64-v3")
    assert target.supports("x86-64-v2")


def test_another_architecture_has_only_the_generic_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_machine", lambda: "aarch64-unknown-linux-gnu")
    assert target.supports("generic")
    assert not target.supports("x86-64-v2")
