"""Vowpal Wabbit on text: ``--oaa`` over the same character n-grams, as words of a line.

Its own ``--ngram`` counts all shorter grams, too: that is why the converter cuts them. The classes
share one table of weights, which gets as many more bits as leave each a hash space of full size.
"""

from pathlib import Path

import pyarrow as pa

from petafit_benchmark import vw
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.rows import codes

TITLE = "Vowpal Wabbit, one against all"
LEARNER = "vw --oaa"
CORES = 2
REQUIRES = vw.REQUIRES
MOST_ROWS = None
TUNES = vw.TUNES
GRID = vw.GRID


def train(spec: Spec) -> ContenderRun:
    """Convert, then one pass over the text."""
    text, test, model = (Path(spec.work, name) for name in ("train.vw", "test.vw", "model"))
    converting = vw.convert(spec, spec.files, text, lines)
    classes = len(spec.classes)
    learning = vw.learning(spec, bits=spec.hash_bits + (classes - 1).bit_length())
    learning += [f"--oaa={classes}", "--probabilities"]
    seconds = vw.run("--data", text, "--final_regressor", model, *learning)
    vw.convert(spec, spec.test_files, test, lines)
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [vw.predict(model, test, "--probabilities")]),
        prepare_seconds=converting,
        versions=versions(*vw.VERSIONS),
    )


def lines(spec: Spec, batch: pa.RecordBatch) -> pa.Array:
    """Lines such as ``7 | the he_ e_c``: a class, from 1, and the grams of the text."""
    labels = codes(batch.column(spec.label), spec.classes) + 1
    texts = vw.plain(batch.column(spec.text)).to_pylist()
    shortest, longest = spec.ngrams
    return pa.array(
        f"{label} | {' '.join(grams(text or '', shortest, longest))}"
        for label, text in zip(labels, texts, strict=True)
    )


def grams(text: str, shortest: int, longest: int) -> list[str]:
    """All n-grams of the characters of a text.

    Examples
    --------
    >>> grams("data", 2, 3)
    ['da', 'at', 'ta', 'dat', 'ata']
    """
    lengths = range(shortest, longest + 1)
    return [text[i : i + n] for n in lengths for i in range(len(text) - n + 1)]
