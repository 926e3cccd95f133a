"""The cache of kernels: found wherever the package lies, shared by the processes of a host."""

import fcntl
import shutil
from pathlib import Path

import pytest
from numba.core.errors import TypingError

import petafit
from petafit.compiled import cache, compiled_kernels, njit
from tests.compiled.processes import PROBE, environment, finish, run, start

LEARN = """
from petafit.compiled import compile_seconds, compiled_kernels
from tests.learners.cases import Case
case = Case("petafit.OnlineLinearClassifier")
learner, (batch,) = case.learner, case.batches(0, count=1)
state, _ = learner.progressive(learner.start(), batch)
learner.predict(learner.finish(learner.lift(state)), batch.X)
print(compiled_kernels(), compile_seconds())
"""


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the kernels of `PROBE`."""
    folder = tmp_path_factory.mktemp("warm")
    (_, count), _ = run(PROBE, environment(NUMBA_CACHE_DIR=str(folder)))
    assert int(count) > 0
    return folder


def copy_of_package(folder: Path) -> str:
    """petafit at another path, with new times of modification."""
    source = Path(petafit.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    copied = shutil.copytree(
        source, folder / "petafit", ignore=ignored, copy_function=shutil.copyfile
    )
    return str(copied.parent)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    variables = environment(XDG_CACHE_HOME=str(tmp_path))
    (count, seconds), _ = run(LEARN, variables)
    assert int(count) > 0
    assert float(seconds) > 0
    assert run(LEARN, variables)[0] == ["0", "0.0"]


def test_another_path_finds_what_was_shipped(warm: Path, tmp_path: Path) -> None:
    elsewhere = copy_of_package(tmp_path / "unpacked")
    for variables in ({"PETAFIT_KERNELS": str(warm)}, {"NUMBA_CACHE_DIR": str(warm)}):
        words, _ = run(
            PROBE,
            environment(PYTHONPATH=elsewhere, XDG_CACHE_HOME=str(tmp_path / "empty"), **variables),
        )
        assert words[1] == "0", variables
    assert not list((tmp_path / "empty").rglob("*.nbi"))


def test_the_packaged_folder_may_be_read_only(warm: Path, tmp_path: Path) -> None:
    shipped = shutil.copytree(warm, tmp_path / "shipped")
    before = {path: path.stat().st_mtime_ns for path in shipped.rglob("*")}
    variables = environment(PETAFIT_KERNELS=str(shipped), XDG_CACHE_HOME=str(tmp_path / "home"))
    (count, _), _ = run(LEARN, variables)
    assert int(count) > 0, "kernels that were not shipped"
    assert {path: path.stat().st_mtime_ns for path in shipped.rglob("*")} == before


def test_another_processor_compiles_once_and_says_so(warm: Path, tmp_path: Path) -> None:
    variables = environment(
        PETAFIT_KERNELS=str(warm),
        XDG_CACHE_HOME=str(tmp_path),
        NUMBA_CPU_NAME="generic",
        NUMBA_CPU_FEATURES="",
    )
    (where, count), said = run(PROBE, variables)
    assert int(count) > 0
    assert said.count("\n") == 1
    assert f"the kernels in {warm} are for another processor or version" in said
    assert where in said
    (_, count), said = run(PROBE, variables)
    assert (count, said) == ("0", "")


def test_one_process_compiles_and_the_others_take_it(tmp_path: Path) -> None:
    variables = environment(XDG_CACHE_HOME=str(tmp_path / "shared"))
    alone = int(run(PROBE, environment(XDG_CACHE_HOME=str(tmp_path / "alone")))[0][1])
    processes = [start(PROBE, variables) for _ in range(3)]
    counts = [int(finish(process)[0][1]) for process in processes]
    assert sum(counts) == alone, counts


def test_a_damaged_cache_is_compiled_anew(warm: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(warm, tmp_path / "damaged")
    for path in damaged.rglob("*.nb?"):
        path.write_bytes(path.read_bytes()[:40])
    variables = environment(NUMBA_CACHE_DIR=str(damaged))
    assert int(run(PROBE, variables)[0][1]) > 0
    assert int(run(PROBE, variables)[0][1]) == 0


def test_a_failed_compilation_leaves_no_lock(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path)
    cache._lock.cache_clear()
    before = compiled_kernels()

    @njit
    def wrong(text):
        return text.no_such_method()

    with pytest.raises(TypingError):
        wrong("a")
    (path,) = tmp_path.glob("*/lock")
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert compiled_kernels() == before
    cache._lock.cache_clear()


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch, caplog) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "file")
    cache._lock.cache_clear()

    @njit
    def doubled(number):
        return 2 * number

    assert doubled(2.0) == 4.0
    assert "cannot be saved" in caplog.text
    cache._lock.cache_clear()
