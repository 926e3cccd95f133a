"""Encoded batches in an Arrow IPC file: arrays are used from the memory map, without copies."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array

from petafit.features.encoding.batch import Batch, check_entries

_N_FEATURES = b"n_features"


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
