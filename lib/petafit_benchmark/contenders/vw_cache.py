"""Vowpal Wabbit from its binary cache: features parsed and hashed before, as in later passes."""

from pathlib import Path

from petafit_benchmark import vw
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions, versions
from petafit_benchmark.contenders import vw_text

TITLE = "Vowpal Wabbit, from its cache"
LEARNER = vw_text.LEARNER
CORES = vw_text.CORES
REQUIRES = vw_text.REQUIRES
MOST_ROWS = vw_text.MOST_ROWS
TUNES = vw_text.TUNES
GRID = vw_text.GRID


def train(spec: Spec) -> ContenderRun:
    """Convert, fill the cache without learning, then one pass over the cache."""
    text, cache, model = (Path(spec.work, name) for name in ("train.vw", "cache", "model"))
    learning = vw.learning(spec, bits=spec.hash_bits)
    cached: list[str | Path] = ["--data", text, "--cache_file", cache, *learning]
    preparing = vw.convert(spec, spec.files, text, vw_text.lines) + vw.run(*cached, "--noop")
    seconds = vw.run(*cached, "--final_regressor", model)
    return ContenderRun(
        rows=spec.rows,
        seconds=seconds,
        predictions=save_predictions(spec, [vw_text.probabilities(spec, model)]),
        prepare_seconds=preparing,
        versions=versions(*vw.VERSIONS),
    )
