"""Parquet files of a table, written by whoever has the rows, named by their content."""

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
"""Rows that a writer holds back at most: of 39 columns they take about 100 MB."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file.

    Attributes
    ----------
    path : str
        Below the folder it was written to.
    size : int
        In bytes.
    partition : tuple of str or None
        Values of the partition columns, as text.
    """

    path: str
    size: int
    rows: int
    partition: Values


@dataclass
class PartitionedWriter:
    """Writes rows as Parquet files, each of one partition, in Hive's folders.

    A file is named by the digest of its content, which the rows and the batches they come in
    decide: a task that is tried again, or runs twice at a time, writes the same files.

    Parameters
    ----------
    folder : Folder
        Where the partitions' folders begin.
    partition_by : sequence of str
        Columns that become folders.
    file_rows : int
        Rows held back at most; when there are more, the largest partition becomes a file.

    Attributes
    ----------
    files : list of WrittenFile
        What was written so far.
    pending : dict
        By partition, the batches that are held back.
    """

    folder: Folder
    partition_by: Sequence[str] = ()
    file_rows: int = FILE_ROWS
    files: list[WrittenFile] = field(default_factory=list)
    pending: dict[Values, list[pa.RecordBatch]] = field(default_factory=dict)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take in rows; some files may be written.

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
        """Write what is held back, and give all files."""
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
    """A whole file, verified.

    It is made in memory, because an error inside pyarrow's stream to a file can leave one there
    that looks whole.
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
