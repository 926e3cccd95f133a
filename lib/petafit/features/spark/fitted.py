"""Fitted stages of Spark ML as features: applied to frames, stored by Spark's writers, loaded."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)
from pyspark.sql.types import StructField

from petafit.errors import ConfigurationError, StorageError
from petafit.features.columns import VECTOR
from petafit.features.spark.canonical import write_canonical
from petafit.features.spark.pipeline import transformed
from petafit.features.spark.stored_stages import check_stages
from petafit.features.stages.outputs import OutputColumn
from petafit.features.stages.record import StageRecord
from petafit.spark.compatibility import arrow_schema, arrow_type
from petafit.spark.failures import in_one_sentence
from petafit.store.filesystem import Folder
from petafit.stream.scan.stream import ScanSource
from petafit.table.columns import Spellings, canonical
from petafit.table.contract import Checks
from petafit.table.filters.literals import quoted

_ROW = "__petafit_row"
_MOST_NAMES = 1 << 16
"""Slots beyond which their names are not kept: a model would be larger than its weights."""


@dataclass(frozen=True)
class SparkStages:
    """Fitted stages that Spark runs.

    Attributes
    ----------
    model : PipelineModel
    reads : tuple of str
        The columns that the stages see.
    """

    model: PipelineModel
    reads: tuple[str, ...]

    def apply(self, frame: DataFrame, outputs: Sequence[str]) -> DataFrame:
        """Return a frame's columns, and those of the stages that are named.

        Stages see only the columns that they read, so that no other one meets a name of theirs.

        Raises
        ------
        ConfigurationError
            A stage does not fit the frame, or loses its rows' other columns.
        """
        for name in outputs:
            for column in Spellings(frame.columns).alike(name):
                raise ConfigurationError(
                    f"The column {column!r} has the name of one that `stages` make",
                    hint="Choose another output.",
                )
        made = self._transformed(frame)
        return made.select(f"{_ROW}.*", *(F.col(quoted(name)) for name in outputs))

    def outputs(self, frame: DataFrame) -> list[tuple[OutputColumn, ...]]:
        """Return the columns that each stage adds to a frame.

        Raises
        ------
        ConfigurationError
            As `apply`, and where the size of a vector is not known.
        """
        made, found = self._packed(frame), []
        for stage in self.model.stages:
            before = set(made.columns)
            made = transformed(PipelineModel([stage]), made)
            added = (field for field in made.schema if field.name not in before)
            found.append(tuple(_output(field, made) for field in added))
        return found

    def _transformed(self, frame: DataFrame) -> DataFrame:
        made = transformed(self.model, self._packed(frame))
        if _ROW not in made.columns:
            raise ConfigurationError(
                "The stages do not keep the columns that they are given",
                hint="Let SQL select them: `SELECT *, ... FROM __THIS__`.",
            )
        return made

    def _packed(self, frame: DataFrame) -> DataFrame:
        return frame.select(
            F.struct(*(F.col(quoted(name)) for name in frame.columns)).alias(_ROW),
            *(F.col(quoted(name)) for name in self.reads),
        )

    def added_to(self, source: ScanSource, outputs: Sequence[OutputColumn]) -> ScanSource:
        """Return a source with columns of the stages beside its own; raises like `apply`."""
        frame = self.apply(source.driver_frame(), [column.name for column in outputs])
        return source.with_columns(frame, pa.schema([column.field for column in outputs]))


def training_rows(source: ScanSource, checks: Checks) -> DataFrame:
    """Return the rows that a model learns from: selected, and valid by the contract."""
    wanted = source.driver_frame().select(*(F.col(quoted(n)) for n in source.schema.names)).schema
    frame, unbound = source.for_tasks()
    rows = arrow_schema(wanted)
    return frame.mapInArrow(partial(_valid, unbound, checks, rows), wanted)


def save(model: PipelineModel, folder: Folder) -> Mapping[str, str]:
    """Write fitted stages by Spark's own writers, and return the digests of the files.

    Equal stages give equal files.

    Raises
    ------
    ConfigurationError
        A stage cannot be written.
    StorageError
        Nothing has arrived in the folder.
    """
    with in_one_sentence(
        "Spark cannot write the fitted stages",
        hint="A stage of another package needs Spark ML's writer.",
    ):
        parent, name = folder.split()
        written = parent.child(f"{name}-as-written")
        model.write().overwrite().save(written.spark_uri)
    folder.remove()
    write_canonical(written, folder)
    written.remove()
    files = {name: folder.digest(name) for name in folder.files()}
    if not files:
        raise StorageError(
            f"No files were written to {folder.uri}",
            hint="On a cluster `paths.runs` must be storage that all machines share.",
        )
    return files


def load(folder: Folder, *, allowed: Collection[str]) -> PipelineModel:
    """Load fitted stages of which the digests were verified.

    Raises
    ------
    StorageError
        They are damaged, or would run code that the environment does not allow.
    """
    check_stages(folder, allowed)
    with in_one_sentence(
        f"Spark cannot load the fitted stages in {folder.uri}",
        kind=StorageError,
        hint="Copy the model again, or train it again.",
    ):
        return PipelineModel.load(folder.spark_uri)


def open_stages(folder: Folder, record: StageRecord, *, allowed: Collection[str]) -> SparkStages:
    """Load the stages of a model that Spark runs.

    Raises
    ------
    StorageError
        As `load`, or they are not those of the record.
    """
    model = load(folder, allowed=allowed)
    found = [type(stage).__name__ for stage in model.stages]
    expected = [stage.fitted for stage in record.stages]
    if found != expected:
        raise StorageError(
            f"The fitted stages in {folder.uri} are not those of the model",
            expected=", ".join(expected),
            got=", ".join(found),
            hint="Copy the model again, or train it again.",
        )
    return of_record(model, record)


def with_stages(
    frame: DataFrame, folder: Folder, record: StageRecord, *, allowed: tuple[str, ...] = ()
) -> DataFrame:
    """Return a frame's columns, and those of a published model's stages that Spark runs.

    Parameters
    ----------
    frame : DataFrame
        Has the columns that the stages read, those of functions among them.
    folder : Folder
        `ModelVersion.require_stages`, of a model whose digests were verified.
    allowed : tuple of str
        Classes beside those of Spark.

    Raises
    ------
    ConfigurationError, StorageError
        As `SparkStages.apply` and `open_stages`.
    """
    stages = _opened(folder, record, allowed, frame.sparkSession)
    return stages.apply(frame, [column.name for column in record.of_spark])


@lru_cache(maxsize=4)
def _opened(
    folder: Folder, record: StageRecord, allowed: tuple[str, ...], session: SparkSession
) -> SparkStages:
    """Load stages once a session: a service asks for them with every request."""
    return open_stages(folder, record, allowed=allowed)


def of_record(model: PipelineModel, record: StageRecord) -> SparkStages:
    """Return those of a model's fitted stages that Spark runs."""
    own = [model.stages[place] for place in record.in_spark]
    return SparkStages(PipelineModel(own), record.reads)


def _valid(
    source: ScanSource, checks: Checks, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for batch in source.receiving(batches).read(0):
        good, _ = checks.split(batch)
        yield good.cast(schema)


def _output(field: StructField, frame: DataFrame) -> OutputColumn:
    if field.dataType.typeName() != "vectorudt":
        return OutputColumn(field.name, canonical(arrow_type(field.dataType)))
    attributes = (field.metadata or {}).get("ml_attr", {})
    size = attributes.get("num_attrs")
    if size is None:
        size = _size_by_row(field.name, frame)
    return OutputColumn(field.name, VECTOR, int(size), _slot_names(field.name, size, attributes))


def _size_by_row(name: str, frame: DataFrame) -> int:
    with in_one_sentence(f"The stages cannot make {name!r}"):
        row = frame.select(quoted(name)).where(F.col(quoted(name)).isNotNull()).head()
    if row is None:
        raise ConfigurationError(
            f"The size of the vectors {name!r} is not known: no training row has one",
            hint="Put a VectorSizeHint behind the stage.",
        )
    return int(row[0].size)


def _slot_names(name: str, size: int, attributes: Mapping[str, Any]) -> tuple[str, ...]:
    named = [
        attribute
        for kind in attributes.get("attrs", {}).values()
        for attribute in kind
        if "name" in attribute and "idx" in attribute
    ]
    if not named or size > _MOST_NAMES:
        return ()
    names = [f"{name}[{slot}]" for slot in range(size)]
    for attribute in named:
        names[attribute["idx"]] = str(attribute["name"])
    return tuple(names)
