"""Parquet files of a table, named by their content."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import StorageError
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.table.partitions import Values, folder_of, split
from petafit.table.writers.types import as_written

ROW_GROUP_ROWS = 1 << 17
FILE_ROWS = 1 << 18
"""Limit of the rows that a writer buffers: with 39 columns they take about 100 MB."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A written file.

    Attributes
    ----------
    path : str
        Path relative to the folder it was written to.
    size : int
        Size in bytes.
    partition : tuple of str or None
        Values of the partition columns, as text.
    """

    path: str
    size: int
    rows: int
    partition: Values


@dataclass
class PartitionedWriter:
    """Writes rows as Parquet files, one partition each, in Hive's folders.

    A file is named by the digest of its content, which depends only on the rows and their batches:
    a retried or speculative task writes the same files.

    Parameters
    ----------
    folder : Folder
        Parent of the partitions' folders.
    partition_by : sequence of str
        Columns that become folders.
    file_rows : int
        Limit of buffered rows; beyond it, the largest partition is written to a file.

    Attributes
    ----------
    files : list of WrittenFile
        Files written so far.
    pending : dict
        Buffered batches, by partition.
    """

    folder: Folder
    partition_by: Sequence[str] = ()
    file_rows: int = FILE_ROWS
    files: list[WrittenFile] = field(default_factory=list)
    pending: dict[Values, list[pa.RecordBatch]] = field(default_factory=dict)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows, writing files if the buffer is full.

        Raises
        ------
        StorageError
            A file cannot be written.
        """
        for values, rows in split(batch, self.partition_by):
            if rows.num_rows:
                self.pending.setdefault(values, []).append(as_written(rows))
        while self._held_back() >= self.file_rows:
            self._write_file(max(self.pending, key=self._rows))

    def close(self) -> list[WrittenFile]:
        """Write all buffered rows, and return all files."""
        for values in list(self.pending):
            self._write_file(values)
        return self.files

    def _rows(self, values: Values) -> int:
        return sum(batch.num_rows for batch in self.pending[values])

    def _held_back(self) -> int:
        return sum(map(self._rows, self.pending))

    def _write_file(self, values: Values) -> None:
        table = pa.Table.from_batches(self.pending.pop(values))
        content = _parquet(table)
        name = f"part-{digest(content)[:32]}.parquet"
        path = "/".join(filter(None, [folder_of(self.partition_by, values), name]))
        self.folder.write(path, content)
        self.files.append(WrittenFile(path, len(content), table.num_rows, values))


def _parquet(table: pa.Table) -> bytes:
    """Write a whole file to memory, and verify it.

    It is made in memory, because an error in pyarrow's stream to a file can leave an incomplete
    file that looks complete.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        row_group_size=ROW_GROUP_ROWS,
        store_schema=False,
        write_page_checksum=True,
    )
    content = sink.getvalue()
    rows = pq.read_metadata(pa.BufferReader(content)).num_rows
    if rows != table.num_rows:
        raise StorageError("A Parquet file came out wrong", expected=table.num_rows, got=rows)
    return bytes(content)
