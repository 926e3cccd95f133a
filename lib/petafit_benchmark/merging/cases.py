"""The trainings of the suite `merging`: a sequential learner, and shards merged by every rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

_NOTHING: Mapping[str, Any] = MappingProxyType({})

EXACT = "petafit_exact"
"""The contender that compares exact learners, merged from shards, with the fit to all rows."""

EXACT_FIGURE = "largest_relative_difference"
"""Its figure that has a target."""

SEEDS = (1, 2)
"""Seeds of the click logs; texts and timings use the first."""

STEPS = (0.05, 0.07, 0.1)
"""Step sizes of the sequential learner. The best on the test rows themselves is compared with, so
that the comparison favours it."""

TEXT_STEPS = (0.2, 0.5, 1.0)
"""Step sizes of the sequential learner on texts."""


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes
    ----------
    name : str
    shards : int
    rule : str
        ``sequential``, or a value of ``training.merge``.
    passes : int
        Passes over the training rows.
    learning_rate : float
    training : mapping
        Further settings of the section ``training``.
    batch_rows : int
        Shards of few rows need small batches, or they could not be merged in parts.
    """

    name: str
    shards: int
    rule: str
    passes: int
    learning_rate: float
    training: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    batch_rows: int = 1024

    @property
    def settings(self) -> dict[str, Any]:
        """The section ``training`` as a user would write it."""
        merge = {} if self.rule == "sequential" else {"merge": self.rule}
        # Patience must not end it early: every pass counts.
        whole = {"batch_rows": self.batch_rows, "patience": 100}
        return {"shards": self.shards, **merge, **whole, **self.training}


def _stacked(
    shards: int, passes: int, learning_rate: float, *, prefix: str = "", batch_rows: int = 1024
) -> Case:
    """One online round, then Newton rounds."""
    name = f"{prefix}stacked_k{shards}" + (f"_passes{passes}" if passes > 1 else "")
    newton = {"newton": passes - 1, "cache": "20GB"} if passes > 1 else {}
    return Case(name, shards, "stacked", passes, learning_rate, newton, batch_rows)


CASES = (
    *(Case(f"sequential_{step:g}", 1, "sequential", 1, step) for step in STEPS),
    Case("stacked_k8", 8, "stacked", 1, 0.2, {"parts": 1}),
    _stacked(64, 1, 0.2),
    _stacked(64, 2, 0.2),
    _stacked(64, 10, 0.2),
    _stacked(256, 1, 0.2),
    *(
        Case(f"{rule}_k{shards}", shards, rule, 1, 0.1)
        for shards in (8, 64, 256)
        for rule in ("mean", "touched", "evidence")
    ),
)
"""The step sizes of merged shards were chosen on the first seed from .05, .1 and .2."""

TEXT_CASES = (
    *(Case(f"text_sequential_{step:g}", 1, "sequential", 1, step) for step in TEXT_STEPS),
    _stacked(64, 2, 1.0, prefix="text_", batch_rows=128),
)
"""Trainings on texts, with 60 classes in one model. The shards' step size was chosen from .2 and 1,
which differ by .001 in accuracy."""

TIMED_CASES = (
    Case("spark_mean_k2", 2, "mean", 1, 0.1, batch_rows=16_384),
    Case("spark_stacked_k8", 8, "stacked", 1, 0.2, {"parts": 1}, batch_rows=16_384),
    Case("spark_stacked_k8_parts2", 8, "stacked", 1, 0.1, {"parts": 2}, batch_rows=16_384),
)
"""Trainings on Spark with two cores: with the least merging possible, with that of `stacked_k8`,
and with that of the default settings."""


class CaseTraining(NamedTuple):
    """A case on a seed: a contender of the suite.

    Attributes
    ----------
    case : Case
    seed : int
    rivals : tuple of str
        The sequential contenders on the same rows; the best of them is compared with.
    """

    case: Case
    seed: int
    rivals: tuple[str, ...] = ()


def seeded(name: str, seed: int) -> str:
    """The contender that is a case of `CASES` on a seed.

    Examples
    --------
    >>> seeded("stacked_k8", 1)
    'stacked_k8_seed1'
    """
    return f"{name}_seed{seed}"


def _trainings() -> Iterator[tuple[str, CaseTraining]]:
    for case in TIMED_CASES:
        yield case.name, CaseTraining(case, SEEDS[0])
    for seed in SEEDS:
        rivals = tuple(seeded(case.name, seed) for case in CASES if case.rule == "sequential")
        for case in CASES:
            yield seeded(case.name, seed), CaseTraining(case, seed, _rivals(case, rivals))
    rivals = tuple(case.name for case in TEXT_CASES if case.rule == "sequential")
    for case in TEXT_CASES:
        yield case.name, CaseTraining(case, SEEDS[0], _rivals(case, rivals))


def _rivals(case: Case, rivals: tuple[str, ...]) -> tuple[str, ...]:
    return () if case.rule == "sequential" else rivals


TRAININGS: Mapping[str, CaseTraining] = MappingProxyType(dict(_trainings()))
"""By contender, in the order of measurement."""
