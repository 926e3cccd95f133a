"""DataFrames of ratings with numbered users and items, and the factors that ALS fits to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.errors import DivergedError, StorageError
from petafit.features.encoder import Encoder
from petafit.features.encoding.stored import reading
from petafit.learners.mllib.estimators import ITEM, LABEL, USER
from petafit.learners.mllib.factors import PreferenceFactors
from petafit.learners.mllib.files import stored_tables
from petafit.learners.mllib.ids import IdTable
from petafit.spark.failures import in_one_sentence
from petafit.store.arrays import digest, from_bytes, to_buffers
from petafit.store.filesystem import Folder
from petafit.stream.scan.stream import ScanSource
from petafit.table.contract import Checks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SCHEMA = f"{USER} int, {ITEM} int, {LABEL} double"
_FILE = "ids.npz"


@dataclass(frozen=True)
class StoredIds:
    """The ids of users and items in a file, which a worker reads once.

    Attributes
    ----------
    columns : tuple of str
        Of users, and of items.
    digest : str
        SHA-256 of the file.
    """

    folder: Folder
    columns: tuple[str, str]
    digest: str

    @classmethod
    def write(cls, folder: Folder, tables: Mapping[str, IdTable]) -> "StoredIds":
        """Write the ids into a folder that all machines share."""
        (user, users), (item, items) = tables.items()
        own = users.to_state_dict().prefixed("users") | items.to_state_dict().prefixed("items")
        content = to_buffers(own)
        folder.write(_FILE, content)
        return cls(folder, (user, item), digest(content))

    def load(self) -> tuple[IdTable, IdTable]:
        """Return the ids of users and of items.

        Raises
        ------
        StorageError
            This machine cannot read them, or they were changed.
        """
        return _tables(self.folder, self.digest)


@lru_cache(maxsize=1)
def _tables(folder: Folder, written: str) -> tuple[IdTable, IdTable]:
    try:
        content = folder.read(_FILE)
    except StorageError as error:
        raise StorageError(
            "This machine cannot read the numbers of users and items",
            got=str(error),
            hint="On a cluster `paths.runs` must be storage that all machines share.",
        ) from error
    if digest(content) != written:
        raise StorageError(f"{folder.uri}/{_FILE} was changed", hint="Start again.")
    found = from_bytes(content)
    users, items = (IdTable.from_state_dict(found.part(name)) for name in ("users", "items"))
    return users, items


def ratings(
    source: ScanSource, checks: Checks, encoder: Encoder, ids: StoredIds, *, implicit: bool
) -> "DataFrame":
    """Select the ratings of rows that meet the contract and have weight, as `ALS` takes them.

    What users did is added up for each user and item, in the rows' weights; without a label each
    row counts 1. ALS itself would add up the confidence only, and prefer what occurs in more rows.
    """
    frame, unbound = source.for_tasks()
    rated = frame.mapInArrow(partial(_numbered, unbound, checks, encoder, ids), _SCHEMA)
    return rated.groupBy(USER, ITEM).agg(F.sum(LABEL).alias(LABEL)) if implicit else rated


def _numbered(
    source: ScanSource,
    checks: Checks,
    encoder: Encoder,
    ids: StoredIds,
    batches: Iterator[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    for batch in source.receiving(batches).read(0):
        good, _ = checks.split(batch)
        weight = encoder.weights(good)
        if weight is not None:
            good, weight = good.filter(pa.array(weight != 0)), weight[weight != 0]
        count = np.ones(good.num_rows) if weight is None else weight
        rating = count if encoder.label is None else count * encoder.targets(good)[0]
        numbers = (
            pa.array(table.positions(good.column(name)), pa.int32())
            for name, table in zip(ids.columns, ids.load(), strict=True)
        )
        columns = [*numbers, pa.array(rating, pa.float64())]
        yield pa.RecordBatch.from_arrays(columns, names=[USER, ITEM, LABEL])


def factors_of(fitted: Any, ids: StoredIds, folder: Folder) -> PreferenceFactors:
    """Collect the factors of Spark's model by way of files in a folder.

    Raises
    ------
    DivergedError
        They are not finite.
    StorageError
        The files cannot be read here, or are not those of all ids.
    """
    users, items = ids.load()
    parts = []
    for name, table, frame in (
        ("users", users, fitted.userFactors),
        ("items", items, fitted.itemFactors),
    ):
        own = folder.child(name)
        with in_one_sentence("Spark cannot write the factors"):
            frame.write.mode("overwrite").parquet(own.spark_uri)
        parts.append(collected(own, len(table)))
    return PreferenceFactors(users, items, *parts)


def collected(folder: Folder, count: int) -> np.ndarray:
    """Return the factors that Spark wrote, by the numbers of their ids, (count, rank).

    Raises
    ------
    DivergedError, StorageError
        As `factors_of`.
    """
    tables = [table for _, table in stored_tables(folder) if len(table)]
    if sum(map(len, tables)) != count:
        raise StorageError(
            f"The factors in {folder.uri} are not those of all users and items",
            expected=count,
            got=sum(map(len, tables)),
            hint="On a cluster `paths.runs` must be storage that all machines share.",
        )
    with reading(f"Spark's factors in {folder.uri}"):
        whole = pa.concat_tables(tables).combine_chunks()
        values = whole["features"].combine_chunks().flatten().to_numpy()
        found = np.empty((count, len(values) // count), np.float32)
        found[whole["id"].to_numpy()] = values.reshape(count, -1)
    if not np.isfinite(found).all():
        raise DivergedError(
            "mllib.ALS diverged: its factors are no longer finite",
            hint="Raise `learner.params.regParam`, or set limits of ratings in `contract.columns`.",
        )
    return found
