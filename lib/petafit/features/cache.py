"""Cache of encoded batches on the local disk, so that later passes need not decode the table.

Batches are stored in Arrow IPC files; their arrays are used from the memory map, without copies.
"""

import json
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch, check_entries

_N_FEATURES = b"n_features"

log = logging.getLogger("petafit")

_STALE_SECONDS = 24 * 3600
_MEASURED_ANEW = 64
"""A process lists all files again after it has written this share of the limit itself."""


class BatchWriter:
    """Writes batches of one layout to a file, which is removed unless it is published."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._writer: pa.ipc.RecordBatchFileWriter | None = None

    @property
    def size(self) -> int:
        """Number of bytes written so far."""
        return int(self._file.tell()) if not self._file.closed else 0

    def write(self, batch: Batch) -> int:
        """Append a batch; return its size in bytes."""
        before = self.size
        columns = pa.record_batch(_columns(batch))
        if self._writer is None:
            metadata = {_N_FEATURES: str(batch.X.shape[1])}
            self._writer = pa.ipc.new_file(self._file, columns.schema.with_metadata(metadata))
        left_out = json.dumps({"quarantined": batch.quarantined, "example": batch.example})
        self._writer.write_batch(columns, custom_metadata={"left_out": left_out})
        return self.size - before

    def publish(self, path: Path) -> None:
        """Rename the file to its final name, if it has any batch."""
        if self._writer is not None:
            self._writer.close()
            self._file.close()
            self._path.replace(path)

    def discard(self) -> None:
        """Remove the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


class BatchFile:
    """A memory-mapped file of batches.

    Raises
    ------
    FileNotFoundError, OSError, pyarrow.ArrowInvalid
        There is no such file, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        self._n_features = int(self._reader.schema.metadata[_N_FEATURES])

    def batches(self) -> Iterator[Batch]:
        """Yield the batches, in the order in which they were written."""
        for number in range(self._reader.num_record_batches):
            columns, metadata = self._reader.get_batch_with_custom_metadata(number)
            yield self._batch(columns, json.loads(metadata[b"left_out"]))

    def _batch(self, columns: pa.RecordBatch, left_out: dict[str, Any]) -> Batch:
        found = {name: columns.column(name) for name in columns.schema.names}
        return Batch(
            self._matrix(found["X"]),
            found["y"].to_numpy() if "y" in found else None,
            found["weight"].to_numpy() if "weight" in found else None,
            **left_out,
        )

    def _matrix(self, rows: pa.Array) -> csr_array | np.ndarray:
        if isinstance(rows, pa.FixedSizeListArray):
            dense: np.ndarray = rows.values.to_numpy().reshape(-1, self._n_features)
            return dense
        entries, offsets = rows.values, rows.offsets.to_numpy()
        indices = entries.field(0).to_numpy()
        check_entries(np.diff(offsets), indices[: offsets[-1]], self._n_features)
        return csr_array(
            (entries.field(1).to_numpy(), indices, offsets), shape=(len(rows), self._n_features)
        )


def _columns(batch: Batch) -> dict[str, pa.Array]:
    targets = {"y": batch.y, "weight": batch.weight}
    given = {name: pa.array(values) for name, values in targets.items() if values is not None}
    return {"X": _rows(batch.X), **given}


def _rows(X: csr_array | np.ndarray) -> pa.Array:
    """Return a list of (index, value) for each row, or a list of all its values."""
    if isinstance(X, np.ndarray):
        return pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), X.shape[1])
    entries = pa.StructArray.from_arrays(
        [pa.array(X.indices), pa.array(X.data)], names=["index", "value"]
    )
    return pa.ListArray.from_arrays(pa.array(X.indptr.astype(np.int32, copy=False)), entries)


@dataclass(frozen=True)
class InstanceCache:
    """Files of encoded batches, one for each piece of a shard read on this machine.

    A file is renamed to its final name when it is complete, so that concurrent tasks on one shard
    do not interfere. Once the files of a run have reached the limit, further pieces are not cached;
    they are decoded in every pass.

    Attributes
    ----------
    name : str
        Name of the folder; equal names stand for equal batches.
    limit : int
        Limit of the total file size on each machine, in bytes. Each process counts its own files
        and lists the others' now and then, so each may exceed the limit by 1/64.
    root : str or None
        A local folder; None means Spark's local folder on an executor, else the temporary folder.
    """

    name: str
    limit: int
    root: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of the files on this machine."""
        return Path(self.root or _scratch()) / "petafit-cache" / self.name

    def find(self, shard: int, piece: int) -> Iterator[Batch] | None:
        """Return a piece's batches, memory-mapped; None if they are not cached."""
        path = self._path(shard, piece)
        try:
            found = BatchFile(path).batches()
            os.utime(self.folder)  # marks the folder as in use: see `_make_folder`
            return found
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            log.warning("the instance cache %s is damaged and ignored: %s", path, error)
            path.unlink(missing_ok=True)
            return None

    def keep(self, shard: int, piece: int, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Pass batches on, and cache them if all of them fit."""
        path = self._path(shard, piece)
        if path.with_suffix(".skipped").exists():
            yield from batches
            return
        self._make_folder()
        with BatchWriter(path.with_suffix(f".{uuid.uuid4().hex}.draft")) as writer:
            fits = True
            for batch in batches:
                fits = fits and self._written(writer, batch)
                yield batch
            if fits:
                writer.publish(path)
            else:
                path.with_suffix(".skipped").touch()

    def remove(self) -> None:
        """Remove all files on this machine."""
        _usage.pop(self.folder, None)
        rmtree(self.folder, ignore_errors=True)

    def _written(self, writer: BatchWriter, batch: Batch) -> bool:
        """Write a batch if it fits; otherwise discard its file and return False."""
        usage = _usage.setdefault(self.folder, _Usage(self.folder))
        try:
            usage.add(writer.write(batch), self.limit)
            if usage.total <= self.limit:
                return True
            log.info("the instance cache has reached its limit of %d bytes", self.limit)
        except OSError as error:
            log.warning("the instance cache cannot be written: %s", error)
        usage.total -= writer.size
        writer.discard()
        return False

    def _path(self, shard: int, piece: int) -> Path:
        return self.folder / f"shard-{shard:06d}-{piece:02d}.arrow"

    def _make_folder(self) -> None:
        """Make the folder, and remove those that killed runs have left behind.

        A folder's mtime is that of its last use, not of its creation: runs may take over a day.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(self.folder)
        for other in self.folder.parent.iterdir():
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > _STALE_SECONDS:
                    rmtree(other, ignore_errors=True)


@dataclass
class _Usage:
    """Size of a folder's files, as far as this process knows.

    Attributes
    ----------
    total : int
    unlooked : int
        Bytes that this process has written since it last listed all files; -1 before it has.
    """

    folder: Path
    total: int = 0
    unlooked: int = -1

    def add(self, written: int, limit: int) -> None:
        """Add what this process has written to a file in the folder."""
        self.total += written
        if 0 <= self.unlooked <= limit // _MEASURED_ANEW:
            self.unlooked += written
            return
        self.total = self.unlooked = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # a draft that was renamed or removed
                self.total += entry.stat().st_size


_usage: dict[Path, _Usage] = {}


def _scratch() -> str:
    """Return Spark's local folder, which is removed with the application, or the system's."""
    spark = os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("LOCAL_DIRS") or ""
    return spark.split(",")[0] or tempfile.gettempdir()
