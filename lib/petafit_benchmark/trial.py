"""One process of a contender, and the judgement on what it predicted."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from petafit.errors import ContractError
from petafit_benchmark.contender import ContenderRun, Spec
from petafit_benchmark.ipc import load_contender
from petafit_benchmark.process import Failure, run_contender
from petafit_benchmark.quality import Quality, measure
from petafit_benchmark.rows import labels


@dataclass(frozen=True)
class Judged:
    """What a contender did in one process.

    Attributes
    ----------
    runs : list of (ContenderRun, Quality or None)
        One for each spec; None for what predicts nothing.
    peak_memory : int or None
        Bytes, of the process tree.
    """

    runs: list[tuple[ContenderRun, Quality | None]]
    peak_memory: int | None


def run_and_judge(
    name: str, specs: Sequence[Spec], *, scratch: Path, log: Path, seconds: float
) -> Judged | Failure:
    """Let a contender train for every spec, and measure its predictions.

    Parameters
    ----------
    scratch : path
        Each spec gets a folder in it; removed at the end.
    log : path
        Takes all the contender prints.
    seconds : float
        After which it is ended.
    """
    contender = load_contender(name)
    specs = [
        replace(spec, work=str(scratch / str(number)), cores=contender.CORES)
        for number, spec in enumerate(specs)
    ]
    shutil.rmtree(scratch, ignore_errors=True)
    for spec in specs:
        Path(spec.work).mkdir(parents=True)
    try:
        ended = run_contender(name, contender, specs, log=log, timeout=seconds)
        if isinstance(ended, Failure):
            return ended
        judged = [(t, _quality(spec, t)) for spec, t in zip(specs, ended.trained, strict=True)]
        return Judged(judged, ended.peak_memory)
    except ContractError as error:
        return Failure("failed", str(error))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _quality(spec: Spec, trained: ContenderRun) -> Quality | None:
    if trained.predictions is None:
        return None
    return measure(labels(spec.test_files, spec.label, spec.classes), np.load(trained.predictions))
