"""Vowpal Wabbit as its contenders share it: its own parser and cache, driven as its command is."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit_benchmark.contender import Spec, step_sizes

REQUIRES = ("vowpalwabbit",)
TUNES = "--learning_rate"
GRID = step_sizes(0.5)

VERSIONS = ("vowpalwabbit", "pyarrow")

CONVERTED_ROWS = 1 << 16

_MEANT = r"[\s:|]"
"""Characters that the text format uses, and has no escape for."""


def run(*arguments: str | Path) -> float:
    """Do what the command ``vw`` would do with these arguments; returns the seconds it took.

    The Python package has no such command. A workspace that is told of a file reads it to its end
    when it is built, with the same two threads: one that parses, one that learns. Writing the model
    is not in the seconds.
    """
    from vowpalwabbit import Workspace

    began = time.monotonic()
    workspace = Workspace(arg_list=[*map(str, arguments), "--quiet"])
    seconds = time.monotonic() - began
    workspace.finish()
    return seconds


def learning(spec: Spec, *, bits: int) -> list[str]:
    """Arguments for one pass of logistic regression, the rest by default.

    That is adaptive, normalised and invariant updates.

    Parameters
    ----------
    bits : int
        Of the table of weights.
    """
    step = spec.tuned or 0.5
    return ["--loss_function=logistic", f"--learning_rate={step}", f"--bit_precision={bits}"]


def predict(model: Path, data: Path, *arguments: str) -> np.ndarray:
    """What a model says of the rows of a text file, (n_rows, n_numbers)."""
    said = data.with_suffix(".predictions")
    run("-t", "--initial_regressor", model, "--data", data, "--predictions", said, *arguments)
    return np.loadtxt(said, ndmin=2, converters=_number)


def convert(
    spec: Spec, files: Sequence[str], to: Path, lines: Callable[[Spec, pa.RecordBatch], pa.Array]
) -> float:
    """Write a text file of all rows; returns the seconds it took.

    Parameters
    ----------
    lines : callable
        Makes a line of every row, without its end.
    """
    began = time.monotonic()
    with to.open("wb") as output:
        for path in files:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(CONVERTED_ROWS, columns=list(spec.columns)):
                    output.write(_joined(lines(spec, batch)))
    return time.monotonic() - began


def plain(strings: pa.Array) -> pa.Array:
    """Strings with an underscore for each character that the text format uses itself."""
    return pc.replace_substring_regex(strings, _MEANT, "_")


def _number(told: str) -> float:
    """Of ``0.5``, or ``3:0.5`` where there are several classes."""
    return float(told.rpartition(":")[2])


def _joined(lines: pa.Array) -> memoryview:
    """The bytes of all lines: an array of strings has them one behind the other."""
    ended = pc.binary_join_element_wise(lines, "\n", "")
    _, offsets, content = ended.buffers()
    ends = np.frombuffer(offsets, np.int32, len(ended) + 1)
    return memoryview(content)[ends[0] : ends[-1]]
