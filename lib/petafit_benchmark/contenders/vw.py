"""Vowpal Wabbit: from its text format, from its binary cache, and on texts of many classes.

Its own parser and cache are driven as its command line drives them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit_benchmark.contender import (
    Contender,
    ContenderRun,
    Spec,
    save_predictions,
    step_sizes,
    versions,
)
from petafit_benchmark.rows import codes

_VERSIONS = ("vowpalwabbit", "pyarrow")
_CONVERTED_ROWS = 1 << 16

_RESERVED = r"[\s:|]"
"""Characters of the text format's syntax, which has no escapes."""


def train_from_text(spec: Spec) -> ContenderRun:
    """Convert, then make one pass over the text, as the first pass over a converted table."""
    text, model = Path(spec.work, "train.vw"), Path(spec.work, "model")
    converting = _convert(spec, spec.files, text, lines)
    seconds = _vw("--data", text, "--final_regressor", model, *_options(spec, spec.hash_bits))
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [_probabilities(spec, model)]),
        prepare_seconds=converting,
        versions=versions(*_VERSIONS),
    )


def train_from_cache(spec: Spec) -> ContenderRun:
    """Convert, fill the cache without learning, then make one pass over it, as later passes do."""
    text, cache, model = (Path(spec.work, name) for name in ("train.vw", "cache", "model"))
    cached: list[str | Path] = ["--data", text, "--cache_file", cache]
    cached += _options(spec, spec.hash_bits)
    preparing = _convert(spec, spec.files, text, lines) + _vw(*cached, "--noop")
    seconds = _vw(*cached, "--final_regressor", model)
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [_probabilities(spec, model)]),
        prepare_seconds=preparing,
        versions=versions(*_VERSIONS),
    )


def train_one_against_all(spec: Spec) -> ContenderRun:
    """Convert texts to lines of character n-grams, then make one pass with ``--oaa``.

    Vowpal Wabbit's own ``--ngram`` counts all shorter n-grams, too: that is why the converter
    splits the texts. The classes share one table of weights, with as many more bits as give each a
    hash space of full size.
    """
    text, test, model = (Path(spec.work, name) for name in ("train.vw", "test.vw", "model"))
    converting = _convert(spec, spec.files, text, text_lines)
    classes = len(spec.classes)
    options = _options(spec, spec.hash_bits + (classes - 1).bit_length())
    options += [f"--oaa={classes}", "--probabilities"]
    seconds = _vw("--data", text, "--final_regressor", model, *options)
    _convert(spec, spec.test_files, test, text_lines)
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [_predict(model, test, "--probabilities")]),
        prepare_seconds=converting,
        versions=versions(*_VERSIONS),
    )


def lines(spec: Spec, batch: pa.RecordBatch) -> pa.Array:
    """Lines such as ``-1 | i1:0.6931472 c1=0a1b``; missing values are left out."""
    signs = np.where(codes(batch.column(spec.label), spec.classes), "1", "-1")
    parts = [pa.array(signs), "|"]
    for name in spec.integers:
        number = pc.cast(batch.column(name), pa.float64())
        logarithm = pc.multiply(pc.sign(number), pc.log1p(pc.abs(number))).cast(pa.float32())
        parts.append(pc.binary_join_element_wise(name, logarithm.cast(pa.string()), ":"))
    for name in spec.strings:
        parts.append(pc.binary_join_element_wise(name, _unreserved(batch.column(name)), "="))
    return pc.binary_join_element_wise(*parts, " ", null_handling="skip")


def text_lines(spec: Spec, batch: pa.RecordBatch) -> pa.Array:
    """Lines such as ``7 | the he_ e_c``: a class, from 1, and the n-grams of the text."""
    labels = codes(batch.column(spec.label), spec.classes) + 1
    texts = _unreserved(batch.column(spec.text)).to_pylist()
    shortest, longest = spec.ngrams
    return pa.array(
        f"{label} | {' '.join(ngrams(text or '', shortest, longest))}"
        for label, text in zip(labels, texts, strict=True)
    )


def ngrams(text: str, shortest: int, longest: int) -> list[str]:
    """All n-grams of the characters of a text.

    Examples
    --------
    >>> ngrams("data", 2, 3)
    ['da', 'at', 'ta', 'dat', 'ata']
    """
    lengths = range(shortest, longest + 1)
    return [text[i : i + n] for n in lengths for i in range(len(text) - n + 1)]


def _vw(*arguments: str | Path) -> float:
    """Do what the command ``vw`` does with these arguments; returns the seconds it took.

    The Python package has no such command. A workspace that is given a file reads it to its end
    when it is built, with the same two threads: one that parses, one that learns. Writing the model
    is not in the seconds.
    """
    from vowpalwabbit import Workspace

    began = time.monotonic()
    workspace = Workspace(arg_list=[*map(str, arguments), "--quiet"])
    seconds = time.monotonic() - began
    workspace.finish()
    return seconds


def _options(spec: Spec, bits: int) -> list[str]:
    """Options of logistic regression with 2^bits weights, the rest by default.

    That is adaptive, normalised and invariant updates.
    """
    step = spec.tuned or 0.5
    return ["--loss_function=logistic", f"--learning_rate={step}", f"--bit_precision={bits}"]


def _probabilities(spec: Spec, model: Path) -> np.ndarray:
    """Of the second class, for every test row, (n_test,)."""
    test = Path(spec.work, "test.vw")
    _convert(spec, spec.test_files, test, lines)
    return _predict(model, test, "--link=logistic")[:, 0]


def _predict(model: Path, data: Path, *options: str) -> np.ndarray:
    """A model's predictions for the rows of a text file, (n_rows, n_numbers)."""
    path = data.with_suffix(".predictions")
    _vw("-t", "--initial_regressor", model, "--data", data, "--predictions", path, *options)
    return np.loadtxt(path, ndmin=2, converters=_number)


def _number(word: str) -> float:
    """The number of ``0.5``, or of ``3:0.5`` where there are several classes."""
    return float(word.rpartition(":")[2])


def _convert(
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
                for batch in file.iter_batches(_CONVERTED_ROWS, columns=list(spec.columns)):
                    output.write(_joined(lines(spec, batch)))
    return time.monotonic() - began


def _joined(lines: pa.Array) -> memoryview:
    """The bytes of all lines, which an array of strings holds contiguously."""
    ended = pc.binary_join_element_wise(lines, "\n", "")
    _, offsets, content = ended.buffers()
    ends = np.frombuffer(offsets, np.int32, len(ended) + 1)
    return memoryview(content)[ends[0] : ends[-1]]


def _unreserved(strings: pa.Array) -> pa.Array:
    """Strings with an underscore for each reserved character."""
    return pc.replace_substring_regex(strings, _RESERVED, "_")


FROM_TEXT = Contender(
    title="Vowpal Wabbit, from text",
    learner="vw",
    train=train_from_text,
    cores=2,
    requires=("vowpalwabbit",),
    tunes="--learning_rate",
    grid=step_sizes(0.5),
)
FROM_CACHE = replace(FROM_TEXT, title="Vowpal Wabbit, from its cache", train=train_from_cache)
ONE_AGAINST_ALL = replace(
    FROM_TEXT,
    title="Vowpal Wabbit, one against all",
    learner="vw --oaa",
    train=train_one_against_all,
)
