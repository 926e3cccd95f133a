"""The packages of this repository: the wheel that users install, the command of a checkout."""

import tomllib
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    (path,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")))
    return ZipFile(path)


def test_the_wheel_has_petafit_and_nothing_else(wheel: ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = (path for path in (LIB / "petafit").rglob("*") if path.is_file())
    tracked = {str(p.relative_to(LIB)) for p in sources if "__pycache__" not in p.parts}
    assert files == tracked
    assert {Path(name).suffix for name in files} >= {".py", ".html"}


def test_the_wheel_has_one_command(wheel: ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert wheel.read(name).decode().split() == [
        "[console_scripts]",
        "petafit",
        "=",
        "petafit.cli:main",
    ]


@pytest.mark.parametrize("project", [ROOT, LIB / "petafit_benchmark"])
def test_commands_name_functions(project: Path) -> None:
    scripts = tomllib.loads((project / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts
    for target in scripts.values():
        module, _, function = target.partition(":")
        assert callable(getattr(import_module(module), function))
