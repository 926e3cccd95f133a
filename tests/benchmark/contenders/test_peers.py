"""Every peer that is installed learns from a small table, and predicts its test rows in order."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit_benchmark.contender import ContenderRun, Spec
from petafit_benchmark.contenders import vw
from petafit_benchmark.contenders.frames import frames, records
from petafit_benchmark.contenders.registry import load_contender
from petafit_benchmark.process import Finished, run_contender
from petafit_benchmark.quality import measure
from petafit_benchmark.rows import labels

TRAIN_ROWS, TEST_ROWS, FILES = 3000, 1000, 2

IN_PROCESS = [
    "sklearn_streaming",
    "sklearn_on_petafit",
    "vw_text",
    "vw_cache",
    "river_online",
    "lightgbm_trees",
]
OWN_PROCESS = {"tensorflow_linear": 0.5, "dask_incremental": None}
"""Peers whose threads and workers outlive the training, with a step size for so few rows."""


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """A label that depends on a colour most of all, then on a number that may be missing."""
    folder = tmp_path_factory.mktemp("clicks")
    for seed, (part, rows) in enumerate({"train": TRAIN_ROWS, "test": TEST_ROWS}.items()):
        rng = np.random.default_rng(seed)
        for number in range(FILES):
            n = rows // FILES
            colour = rng.integers(6, size=n)
            count = rng.poisson(4, size=n) - 2
            margin = 1.5 * (colour % 3 - 1) + 0.4 * np.sign(count) * np.log1p(np.abs(count))
            columns = {
                "y": pa.array((rng.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int8)),
                "i": pa.array(count, pa.int32(), mask=rng.random(n) < 0.1),
                "j": pa.array(rng.integers(100, size=n), pa.int32(), mask=rng.random(n) < 0.5),
                "a": pa.array(np.array(["red", "g r", "b:", "x|", "é", "0"])[colour]),
                "b": pa.array(rng.integers(50, size=n).astype(str), mask=rng.random(n) < 0.5),
            }
            _write(folder / part, number, pa.table(columns))
    return _spec(folder, label="y", integers=("i", "j"), strings=("a", "b"), hash_bits=12)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """Three languages with four words each."""
    folder = tmp_path_factory.mktemp("texts")
    words = np.array([f"{place}{end}" for place in ("ka", "lo", "mi") for end in "bdfg"])
    classes = ("bird", "fish", "worm")
    for seed, part in enumerate(("train", "test")):
        rng = np.random.default_rng(seed)
        for number in range(FILES):
            language = rng.integers(3, size=300)
            drawn = words[language[:, None] * 4 + rng.integers(4, size=(300, 3))]
            columns = {"label": np.array(classes)[language], "text": [" ".join(w) for w in drawn]}
            _write(folder / part, number, pa.table(columns))
    return _spec(folder, label="label", classes=classes, text="text", ngrams=(2, 3), hash_bits=10)


@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_peer_learns_from_columns(name: str, clicks: Spec, tmp_path: Path) -> None:
    _require(name)
    trained = load_contender(name).train(_in(clicks, tmp_path))
    assert _share_of_base(clicks, trained) < 0.95


@pytest.mark.parametrize(("name", "tuned"), OWN_PROCESS.items())
def test_a_peer_learns_in_its_own_process(
    name: str, tuned: float | None, clicks: Spec, tmp_path: Path
) -> None:
    _require(name)
    spec = _in(clicks, tmp_path, cores=2, tuned=tuned)
    contender = load_contender(name)
    finished = run_contender(name, contender, [spec], log=tmp_path / "log", timeout=240)
    assert isinstance(finished, Finished), finished
    assert _share_of_base(clicks, *finished.runs) < 0.95


@pytest.mark.usefixtures("spark")
def test_mllib_learns_from_columns_until_it_converges(clicks: Spec, tmp_path: Path) -> None:
    trained = load_contender("mllib_converged").train(_in(clicks, tmp_path, cores=2))
    assert _share_of_base(clicks, trained) < 0.95
    assert trained.converged


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("name", ["xgboost_spark", "petafit_trees"])
def test_trees_learn_from_columns(name: str, clicks: Spec, tmp_path: Path) -> None:
    trained = load_contender(name).train(_in(clicks, tmp_path, cores=2))
    assert _share_of_base(clicks, trained) < 0.95


@pytest.mark.parametrize("name", ["sklearn_text", "vw_oaa"])
def test_a_peer_learns_from_texts(name: str, texts: Spec, tmp_path: Path) -> None:
    _require(name)
    trained = load_contender(name).train(_in(texts, tmp_path))
    assert _share_of_base(texts, trained) < 0.95


def test_vw_reads_the_same_from_its_cache(clicks: Spec, tmp_path: Path) -> None:
    _require("vw_cache")
    read = []
    for name in ("vw_text", "vw_cache"):
        folder = tmp_path / name
        folder.mkdir()
        read.append(np.load(load_contender(name).train(_in(clicks, folder)).predictions or ""))
    np.testing.assert_array_equal(*read)


def test_rows_become_dictionaries_without_missing_values(clicks: Spec) -> None:
    (frame,) = frames(clicks, clicks.files[:1], TRAIN_ROWS)
    raw = pq.read_table(clicks.files[0]).to_pylist()
    expected = [
        {
            **{k: np.sign(row[k]) * np.log1p(abs(row[k])) for k in "ij" if row[k] is not None},
            **{k: row[k] for k in "ab" if row[k] is not None},
        }
        for row in raw
    ]
    assert records(clicks, frame) == expected


def test_vw_lines_leave_out_missing_values(clicks: Spec) -> None:
    table = {
        "y": pa.array([1, 0], pa.int8()),
        "i": pa.array([-1, None], pa.int32()),
        "j": pa.array([0, None], pa.int32()),
        "a": ["b: |", None],
        "b": pa.array([None, "é"]),
    }
    assert vw.lines(clicks, pa.record_batch(table)).to_pylist() == [
        "1 | i:-0.6931472 j:0 a=b___",
        "-1 | b=é",
    ]


def _spec(folder: Path, **fields: object) -> Spec:
    train, test = str(folder / "train"), str(folder / "test")
    return Spec(train=train, test=test, work="", **{"rows": TRAIN_ROWS, **fields})


def _in(spec: Spec, folder: Path, **fields: object) -> Spec:
    return replace(spec, work=str(folder), **fields)


def _write(folder: Path, number: int, table: pa.Table) -> None:
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / f"{number}.parquet", row_group_size=1000)


def _require(name: str) -> None:
    missing = [module for module in load_contender(name).requires if find_spec(module) is None]
    if missing:
        pytest.skip(f"the extra bench installs {', '.join(missing)}")


def _share_of_base(spec: Spec, trained: ContenderRun) -> float:
    """The log-loss of its predictions, over that of the frequencies of the labels."""
    truth = labels(spec.test_files, spec.label, spec.classes)
    predictions = np.load(trained.predictions or "")
    frequencies = np.bincount(truth) / len(truth)
    base = -(frequencies * np.log(frequencies)).sum()
    if len(spec.classes) > 2:
        np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)
    assert trained.rows == spec.rows
    assert trained.seconds > 0
    assert trained.versions
    return measure(truth, predictions).log_loss / base
