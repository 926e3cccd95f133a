"""Vowpal Wabbit from its text format: the first pass of a user whose table is converted."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit_benchmark import vw
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.rows import codes

TITLE = "Vowpal Wabbit, from text"
LEARNER = "vw"
CORES = 2
REQUIRES = vw.REQUIRES
MOST_ROWS = None
TUNES = vw.TUNES
GRID = vw.GRID


def train(spec: Spec) -> ContenderRun:
    """Convert, then one pass over the text."""
    text, model = Path(spec.work, "train.vw"), Path(spec.work, "model")
    converting = vw.convert(spec, spec.files, text, lines)
    learning = vw.learning(spec, bits=spec.hash_bits)
    seconds = vw.run("--data", text, "--final_regressor", model, *learning)
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [probabilities(spec, model)]),
        prepare_seconds=converting,
        versions=versions(*vw.VERSIONS),
    )


def probabilities(spec: Spec, model: Path) -> np.ndarray:
    """Of the second class, for every test row, (n_test,)."""
    test = Path(spec.work, "test.vw")
    vw.convert(spec, spec.test_files, test, lines)
    return vw.predict(model, test, "--link=logistic")[:, 0]


def lines(spec: Spec, batch: pa.RecordBatch) -> pa.Array:
    """Lines such as ``-1 | i1:0.6931472 c1=0a1b``; what is missing is left out."""
    signs = np.where(codes(batch.column(spec.label), spec.classes), "1", "-1")
    parts = [pa.array(signs), "|"]
    for name in spec.integers:
        number = pc.cast(batch.column(name), pa.float64())
        logarithm = pc.multiply(pc.sign(number), pc.log1p(pc.abs(number))).cast(pa.float32())
        parts.append(pc.binary_join_element_wise(name, logarithm.cast(pa.string()), ":"))
    for name in spec.strings:
        parts.append(pc.binary_join_element_wise(name, vw.plain(batch.column(name)), "="))
    return pc.binary_join_element_wise(*parts, " ", null_handling="skip")
