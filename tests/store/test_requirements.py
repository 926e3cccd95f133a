"""Packages of other versions than petafit declares: refused, before they are imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from petafit.store.requirements import fits, require_packages

MAIN = "from petafit.cli import main; main()"


def packages(folder: Path, **versions: str) -> str:
    """Packages that cannot be imported, of some versions, in a folder that comes first."""
    for name, version in versions.items():
        described = folder / f"{name}-{version}.dist-info"
        described.mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (described / "METADATA").write_text(text)
        (folder / f"{name}.py").write_text("raise ImportError('of another version')")
    return str(folder)


def run(code: str, first: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {first!r}); {code}"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [["doctor"], ["train", "--task", "flights"]])
def test_commands_refuse_packages_that_do_not_fit(tmp_path: Path, command: list[str]) -> None:
    others = packages(tmp_path, pyarrow="17.0.0", pandas="3.0.1")
    done = run(MAIN, others, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("petafit: This Python has packages that petafit does not work")
    assert "expected pandas <3,>=2" in done.stderr
    assert "got pandas 3.0.1, pyarrow 17.0.0. Install petafit with its" in done.stderr


def test_the_library_refuses_them(tmp_path: Path) -> None:
    others = packages(tmp_path, numpy="1.26.3")
    done = run("import petafit; petafit.train", others)
    assert done.returncode == 1
    assert "ConfigurationError" in done.stderr.splitlines()[-1]
    assert "got numpy 1.26.3" in done.stderr


def test_installed_packages_fit() -> None:
    require_packages()


@pytest.mark.parametrize(
    ("version", "bounds", "expected"),
    [
        ("1.26.4", "<3,>=1.26.4", True),
        ("1.26", "<3,>=1.26.4", False),
        ("3", "<3,>=1.26.4", False),
        ("3.0.0", "<3.1,>=3", True),
        ("26.0.0.dev12+g1", ">=26", True),
        ("0.0.3", "==0.0.3", True),
        ("0.0.30", "==0.0.3", False),
        ("7", "", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, bounds: str, expected: bool) -> None:
    assert fits(version, bounds) is expected
