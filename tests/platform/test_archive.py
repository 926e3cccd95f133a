"""The archive for Spark's workers: unpacked anywhere, it needs nothing, and compiles nothing."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from petafit.workflow.package import Package
from tests.compiled.processes import ROOT, environment

pytestmark = [
    pytest.mark.platform,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("archive"),  # which is built once
]

LEARNERS = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.append(sys.argv[1])
from petafit.compiled import compiled_kernels
from tests.learners.cases import CASES
for case in CASES:
    learner, summaries = case.learner, []
    for seed in (0, 1):
        state = learner.start()
        for batch in case.batches(seed, count=2):
            state, _ = learner.progressive(state, batch)
        summaries.append(learner.lift(state))
    if learner.mergeable:
        summaries[:] = [learner.merge(*summaries)]
    model = learner.finish(summaries[0])
    if learner.kind != "other":
        learner.predict(model, batch.X)
    assert not compiled_kernels(), case
print(len(CASES), compiled_kernels())
"""


@pytest.fixture(scope="module")
def unpacked(archive: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive.path) as content:
        content.extractall(folder, filter="fully_trusted")
    return folder


def run(unpacked: Path, home: Path, program: str, *arguments: str) -> list[str]:
    """The words that a program prints, run by the archive's Python without any cache."""
    variables = environment(XDG_CACHE_HOME=str(home))
    variables.pop("PYTHONPATH", None)
    done = subprocess.run(
        [unpacked / "bin/python", "-c", program, *arguments],
        env=variables,
        cwd=unpacked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_it_is_small_and_names_no_builder(archive: Package) -> None:
    assert archive.size < 200e6
    assert archive.kernels > 250
    with tarfile.open(archive.path) as content:
        entries = content.getmembers()
    assert {(entry.uid, entry.gid, entry.uname, entry.mtime) for entry in entries} == {
        (0, 0, "", 0)
    }
    names = {entry.name.split("/")[3] for entry in entries if entry.name.count("/") > 2}
    assert {"petafit", "pyarrow", "sklearn", "numba"} <= names
    assert not [entry.name for entry in entries if "__pycache__" in entry.name]
    assert not names & {"pyspark", "petafit_benchmark", "pip", "matplotlib", "deltalake"}


def test_no_learner_compiles(unpacked: Path, tmp_path: Path) -> None:
    count, compiled = run(unpacked, tmp_path, LEARNERS, str(ROOT))
    assert int(count) > 80
    assert compiled == "0"
    assert not list(tmp_path.rglob("*.nbi"))
