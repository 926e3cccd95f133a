"""Runs of petafit as its users start them: settings, public functions, manifest."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import petafit
from petafit.config.settings import Settings
from petafit.spark.session import open_session
from petafit_benchmark.contender import Spec, versions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEARNER = "petafit.OnlineLinearClassifier"
GRID_AROUND = 0.1
"""The learner's own `learning_rate` where it knows no row."""

CACHE = "20GB"
"""For later passes: more than any table of a suite takes."""

VERSIONS = ("petafit", "numba", "numpy", "pyarrow")

_WARM_UP_ROWS = 1 << 16
_PREDICTED_ROWS = 1 << 16


@dataclass(frozen=True)
class TrainedModel:
    """A published model, with the time and memory of its training from the run's manifest.

    Attributes
    ----------
    seconds : float
        Time of all passes over the training rows, merging and the profile included.
    rounds : tuple of float
        Seconds of each pass of training.
    peak_memory : dict
        Bytes, by kind of process.
    """

    rows: int
    seconds: float
    rounds: tuple[float, ...]
    peak_memory: dict[str, int | None]
    model: str

    def predictions(self, spec: Spec) -> Iterator[np.ndarray]:
        """Probabilities of the test rows: of class 1, or of every class where there are more."""
        model = petafit.load_model(self.model)
        for path in spec.test_files:
            with pq.ParquetFile(path, read_dictionary=list(spec.strings)) as file:
                for batch in file.iter_batches(_PREDICTED_ROWS, columns=list(spec.columns)):
                    probabilities = model.predict_proba(batch)
                    yield probabilities[:, 1] if len(spec.classes) == 2 else probabilities


def settings_for(
    spec: Spec,
    *,
    engine: Literal["local", "spark"],
    name: str = "run",
    learner: dict[str, Any] | None = None,
    **training: Any,
) -> Settings:
    """The task as a user would write it, with features that need no statistics of the table.

    Parameters
    ----------
    name : str
        The task's name, unique among the runs of one contender.
    learner : dict, optional
        The section ``learner``, in place of petafit's linear classifier.
    training : settings of the section ``training``
    """
    work = Path(spec.work, "petafit")
    return Settings.model_validate(
        {
            "task": name,
            "engine": engine,
            "paths": {"runs": f"{work}/runs", "models": f"{work}/models", "cache": f"{work}/cache"},
            "spark": {
                "master": f"local[{spec.cores}]",
                "submit": {"spark.driver.memory": "2g", "spark.ui.enabled": False},
            },
            "table": {"uri": spec.train, "format": "parquet"},
            "label": {"column": spec.label, "classes": list(spec.classes)},
            "features": _features(spec),
            "hash_bits": spec.hash_bits,
            "learner": learner or {"name": LEARNER, "params": _params(spec)},
            "training": {"seed": spec.seed, "rounds": spec.passes, **training},
        }
    )


def fit(settings: Settings, spark: "SparkSession | None" = None) -> TrainedModel:
    """Train, and read time and memory from the manifest."""
    run = petafit.train(settings, spark=spark)
    timings = run.manifest["timings"]
    rounds = tuple(s for stage, s in timings.items() if stage.startswith("round "))
    return TrainedModel(
        rows=run.manifest["rows"]["used"],
        seconds=timings.get("profile", 0.0) + timings["fit"],
        rounds=rounds,
        peak_memory=run.manifest["peak_memory_bytes"],
        model=f"{settings.paths.models}/{settings.model_name}",
    )


def warm_up(
    spec: Spec,
    spark: "SparkSession | None" = None,
    learner: dict[str, Any] | None = None,
    **training: Any,
) -> None:
    """Train on a few batches, so that kernels are compiled and every worker has loaded them.

    Parameters
    ----------
    learner, training
        As for `settings_for`.
    """
    folder = Path(spec.work, "warm-up")
    folder.mkdir(exist_ok=True)
    with pq.ParquetFile(spec.files[0]) as file:
        rows = next(file.iter_batches(_WARM_UP_ROWS))
    for core in range(spec.cores):  # one file would be one shard
        pq.write_table(pa.Table.from_batches([rows]), folder / f"{core}.parquet")
    engine: Literal["local", "spark"] = "spark" if spark else "local"
    settings = settings_for(spec, engine=engine, name="warm-up", learner=learner, **training)
    table = settings.table.model_copy(update={"uri": str(folder)})
    fit(settings.model_copy(update={"table": table}), spark)


def open_spark(
    spec: Spec, driver_memory: str | None = None
) -> AbstractContextManager["SparkSession"]:
    """Open a session on the spec's number of cores."""
    settings = settings_for(spec, engine="spark")
    if driver_memory:
        submit = {**settings.spark.submit, "spark.driver.memory": driver_memory}
        sparked = settings.spark.model_copy(update={"submit": submit})
        settings = settings.model_copy(update={"spark": sparked})
    return open_session(settings, app_name="petafit-benchmark")


def used_versions(*more: str) -> dict[str, str]:
    """Versions of petafit and of its numerical libraries."""
    return versions(*VERSIONS, *more)


def _features(spec: Spec) -> list[dict[str, Any]]:
    integers = {"numeric": spec.integers, "log1p": True, "scale": "none", "impute": "none"}
    text = {"text": (spec.text,), "analyzer": "char", "ngrams": spec.ngrams}
    groups = (
        (spec.integers, integers),
        (spec.strings, {"categorical": spec.strings}),
        (spec.text, text),
    )
    return [group for columns, group in groups if columns]


def _params(spec: Spec) -> dict[str, Any]:
    return {} if spec.tuned is None else {"learning_rate": spec.tuned}
