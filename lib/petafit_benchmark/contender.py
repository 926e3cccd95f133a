"""The contract between the benchmark and a contender's process: spec, contender, run."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A contender's task: the rows to learn from, the rows to predict, the columns.

    Attributes
    ----------
    train, test : str
        Folders of Parquet files; a contender learns from all rows of the first and predicts all
        rows of the second. Tuning gives other folders, so that a contender need not know why it is
        run.
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
        The column of a text suite, to be split into character n-grams.
    ngrams : tuple of int
        The shortest and the longest n-gram.
    hash_bits : int
        All features share ``2**hash_bits`` indices.
    tuned : float or None
        The value of the contender's grid to use, usually a step size.
    cores : int
        Cores that the process is pinned to.
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
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read the JSON of `dataclasses.asdict`."""
        lists: dict[str, Any] = {k: tuple(v) for k, v in fields.items() if isinstance(v, list)}
        return cls(**{**fields, **lists})


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The log-loss on the test rows after some of the training.

    Attributes
    ----------
    rows : int
        Rows read so far; those of a second pass count again.
    seconds : float
        Training time so far, without that of the predictions.
    """

    rows: int
    seconds: float
    log_loss: float


@dataclass(frozen=True, kw_only=True)
class ContenderRun:
    """The result of one training of a contender.

    Attributes
    ----------
    rows : int
        Training rows, each counted once, whatever the number of passes.
    seconds : float
        Wall-clock time of training, decoding the files included; without imports, start-up,
        compilation and predictions.
    predictions : str or None
        A ``.npy`` of float64 with the probability of the second of two classes, (n_test,), or of
        every class, (n_test, n_classes). None for a contender that does not learn.
    startup_seconds : float
        Time before the training: imports, a session, compilation.
    prepare_seconds : float
        Time to convert the files to the contender's own format, which its users do once.
    converged : bool or None
        True if it stopped by its own criterion; None where it has none.
    versions : dict of str to str
        Versions of the packages that did the work: see `versions`.
    trajectory : tuple of CurvePoint
        The learning curve, if the contender measures it.
    figures : dict of str to float
        Further measurements; a name ends in its unit.
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
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Read the JSON of `dataclasses.asdict`."""
        trajectory = tuple(CurvePoint(**point) for point in fields["trajectory"])
        return cls(**{**fields, "trajectory": trajectory})


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A learner as its users run it, and how the benchmark is to run it.

    The module that defines it imports nothing of `requires` before `train` is called.

    Attributes
    ----------
    title : str
        Its name in tables and plots.
    learner : str
        Contenders of one learner share the tuned value.
    train : callable
        Learns, then predicts; called once for each spec, all in one process.
    cores : int
        Cores that its process is pinned to, 1 or 2.
    requires : tuple of str
        Modules without which it cannot run.
    most_rows : int or None
        A slow contender learns from this many of the newest training rows.
    tunes : str
        The parameter that `grid` holds values of.
    grid : tuple of float or None
        Values to choose from, usually `step_sizes`; None where nothing is tuned.
    """

    title: str
    learner: str
    train: Callable[[Spec], ContenderRun]
    cores: int = 1
    requires: tuple[str, ...] = ()
    most_rows: int | None = None
    tunes: str = ""
    grid: tuple[float, ...] | None = None


def step_sizes(default: float) -> tuple[float, ...]:
    """The grid every learner is tuned on: five values in half decades around its own default.

    The scale of a step belongs to the algorithm (AdaGrad divides by the root of summed squares, SGD
    does not), so that one list of numbers would favour some learners.

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
    """Write the file of `ContenderRun.predictions`; returns its path.

    Parameters
    ----------
    batches : iterable of ndarray
        Consecutive, each (n,) or (n, classes).
    """
    path = Path(spec.work, "predictions.npy")
    np.save(path, np.concatenate([np.asarray(batch, np.float64) for batch in batches]))
    return str(path)


def versions(*distributions: str) -> dict[str, str]:
    """The versions of those of these distributions that are installed."""
    found: dict[str, str] = {}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write_json(path: str | Path, items: Sequence[Spec] | Sequence[ContenderRun]) -> None:
    """Leave specs or runs for the other process."""
    Path(path).write_text(json.dumps([asdict(item) for item in items], indent=2))


def read_specs(path: str | Path) -> list[Spec]:
    """Specs that `write_json` left."""
    return [Spec.from_json(fields) for fields in json.loads(Path(path).read_text())]


def read_runs(path: str | Path) -> list[ContenderRun]:
    """Runs that `write_json` left."""
    return [ContenderRun.from_json(fields) for fields in json.loads(Path(path).read_text())]
