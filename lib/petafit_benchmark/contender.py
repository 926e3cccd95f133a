"""What every contender is told, and what it has to say: the contract between both processes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What a contender is to learn from, and to predict.

    Attributes
    ----------
    train, test : str
        Folders of Parquet files; all rows of the one are learnt from, all of the other predicted.
        Tuning gives other folders, so that a contender need not know what it is run for.
    rows : int
        Rows in `train`.
    label : str
        The column to predict, a whole number or a string.
    classes : tuple
        All its values; see `petafit_benchmark.rows.codes`.
    integers, strings : tuple of str
        Columns to learn from. Integers enter as ``sign(x) log(1 + |x|)``, nulls of either leave
        their feature out.
    text : str or None
        The one column of a text suite, to be cut into character n-grams.
    ngrams : tuple of int
        The shortest and the longest n-gram.
    hash_bits : int
        All features share ``2**hash_bits`` indices.
    tuned : float or None
        The value of the contender's `GRID` to use: a step size, as a rule.
    cores : int
        How many it is pinned to.
    work : str
        A scratch folder of its own, empty at first.
    passes : int
        Over the training rows, for those that do not run to their own convergence.
    seed : int
        For those that draw at random.
    training : dict
        Further settings of the section ``training``, for petafit's own.
    """

    train: str
    test: str
    rows: int
    label: str
    work: str
    integers: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    text: str | None = None
    ngrams: tuple[int, int] = (3, 5)
    classes: tuple[Any, ...] = (0, 1)
    hash_bits: int = 20
    tuned: float | None = None
    cores: int = 1
    passes: int = 1
    seed: int = 0
    training: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """The training files, in the order of time."""
        return parquet_files(self.train)

    @property
    def test_files(self) -> list[str]:
        """The test files; predictions are in their order."""
        return parquet_files(self.test)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns to read, the label first."""
        text = (self.text,) if self.text else ()
        return (self.label, *self.integers, *self.strings, *text)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` and JSON made of it, back again."""
        lists: dict[str, Any] = {k: tuple(v) for k, v in told.items() if isinstance(v, list)}
        return cls(**{**told, **lists})


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """How good a model was on the test rows after so much learning.

    Attributes
    ----------
    rows : int
        Rows that went by so far; those of a second pass count again.
    seconds : float
        Learning time so far, without that of the predictions.
    """

    rows: int
    seconds: float
    log_loss: float


@dataclass(frozen=True, kw_only=True)
class ContenderRun:
    """What came of a contender.

    Attributes
    ----------
    rows : int
        Training rows it learnt from; further passes over them do not count.
    seconds : float
        Wall-clock time of learning, decoding the files included; imports, start-up, compilation and
        predictions are not.
    predictions : str or None
        A ``.npy`` of float64 with the probability of the second of two classes, (n_test,), or of
        every class, (n_test, n_classes). None for what does not learn.
    startup_seconds : float
        What came before: imports, a session, compilation.
    prepare_seconds : float
        What a conversion of the files took that the contender needs and a user keeps.
    converged : bool or None
        Whether it stopped by its own criterion; None where it has none.
    versions : dict of str to str
        Of the packages that did the work: see `versions`.
    trajectory : tuple of CurvePoint
        Where it was on its way, if it could say.
    figures : dict of str to float
        What else it has measured, by names that say the unit.
    """

    rows: int
    seconds: float
    predictions: str | None
    startup_seconds: float = 0.0
    prepare_seconds: float = 0.0
    converged: bool | None = None
    versions: dict[str, str] = field(default_factory=dict)
    trajectory: tuple[CurvePoint, ...] = ()
    figures: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `dataclasses.asdict` and JSON made of it, back again."""
        trajectory = tuple(CurvePoint(**point) for point in told["trajectory"])
        return cls(**{**told, "trajectory": trajectory})


class Contender(Protocol):
    """A module of `petafit_benchmark.contenders`.

    Importing it must be quick and need nothing of `REQUIRES`: the harness reads the constants.

    Attributes
    ----------
    TITLE : str
        How tables and plots call it.
    LEARNER : str
        Contenders of the same learner share what was tuned for it.
    CORES : int
        How many it is pinned to, 1 or 2.
    REQUIRES : tuple of str
        Modules without which it cannot run.
    MOST_ROWS : int or None
        A slower contender learns from the newest so many training rows.
    TUNES : str
        What the values of `GRID` are.
    GRID : tuple of float or None
        What to choose from, as a rule `step_sizes`; None: there is nothing to choose.
    """

    TITLE: str
    LEARNER: str
    CORES: int
    REQUIRES: tuple[str, ...]
    MOST_ROWS: int | None
    TUNES: str
    GRID: tuple[float, ...] | None

    def train(self, spec: Spec) -> ContenderRun:
        """Learn, then predict; called once for each value when tuned, all in one process.

        What cannot be done is raised as `petafit.errors.PetafitError`.
        """


def step_sizes(default: float) -> tuple[float, ...]:
    """The grid every learner is tuned on: five values in half decades around its own default.

    The scale of a step belongs to the algorithm (AdaGrad divides by the root of summed squares, SGD
    does not), so that one list of numbers would favour whoever it happens to suit.

    Examples
    --------
    >>> step_sizes(0.5)
    (0.05, 0.16, 0.5, 1.6, 5.0)
    """
    return tuple(float(f"{default * factor:.2g}") for factor in (0.1, 10**-0.5, 1, 10**0.5, 10))


def parquet_files(folder: str) -> list[str]:
    """All Parquet files below a folder, sorted."""
    return sorted(map(str, Path(folder).rglob("*.parquet")))


def save_predictions(spec: Spec, batches: Iterable[np.ndarray]) -> str:
    """Write predictions where `ContenderRun.predictions` says; returns the path.

    Parameters
    ----------
    batches : iterable of ndarray
        Consecutive, each (n,) or (n, classes).
    """
    path = Path(spec.work, "predictions.npy")
    np.save(path, np.concatenate([np.asarray(batch, np.float64) for batch in batches]))
    return str(path)


def versions(*distributions: str) -> dict[str, str]:
    """The installed versions of these distributions; those that are not there are left out."""
    found: dict[str, str] = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
