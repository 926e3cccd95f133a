"""Rows of Parquet files: their number, their labels, and consecutive rows as a table."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit.table.writers.files import FILE_ROWS, ROW_GROUP_ROWS


def count(files: Sequence[str]) -> int:
    """Number of rows in the files, from their footers."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def labels(files: Sequence[str], column: str, classes: Sequence[Any]) -> np.ndarray:
    """Labels of all rows as `codes`, in the files' order."""
    read = (pq.ParquetFile(file).read([column]).column(column) for file in files)
    return np.concatenate([codes(label, classes) for label in read])


def codes(label: pa.Array | pa.ChunkedArray, classes: Sequence[Any]) -> np.ndarray:
    """Index of each label among the classes, (n_rows,) int64.

    Examples
    --------
    >>> codes(pa.array(["b", "a"]), ("a", "b")).tolist()
    [1, 0]
    """
    places = pc.index_in(label, pa.array(classes, label.type))
    return np.asarray(places.to_numpy(zero_copy_only=False), np.int64)


def write_rows(
    files: Sequence[str], folder: Path, *, skip: int, rows: int, file_rows: int | None = None
) -> None:
    """Write consecutive rows as a table, in row groups and files as petafit writes them.

    An existing folder is complete, since it is renamed last; it is kept.

    Parameters
    ----------
    skip : int
        Rows to skip before.
    rows : int
        Rows to take.
    file_rows : int, optional
        Rows of each file, by default as many as petafit writes.
    """
    if folder.exists():
        return
    staging = folder.with_name(f"{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for number, table in enumerate(_in_files(_slices(files, skip, rows), file_rows or FILE_ROWS)):
        pq.write_table(table, staging / f"part-{number:05d}.parquet", row_group_size=ROW_GROUP_ROWS)
    staging.rename(folder)


def _slices(files: Sequence[str], skip: int, rows: int) -> Iterator[pa.Table]:
    """The rows after the first `skip`, row group by row group."""
    for path in files:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                there = file.metadata.row_group(group).num_rows
                if rows > 0 and skip < there:
                    part = file.read_row_group(group).slice(skip, rows)
                    rows -= part.num_rows
                    yield part
                skip = max(skip - there, 0)


def _in_files(tables: Iterator[pa.Table], file_rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `file_rows`, the last with the rest."""
    pending: list[pa.Table] = []
    for table in tables:
        pending.append(table)
        while sum(part.num_rows for part in pending) >= file_rows:
            joined = pa.concat_tables(pending)
            yield joined.slice(0, file_rows)
            pending = [joined.slice(file_rows)]
    if any(part.num_rows for part in pending):
        yield pa.concat_tables(pending)
