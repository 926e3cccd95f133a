"""Reading a string column from its pages, and by pyarrow."""

from contextlib import contextmanager
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from petafit.stream.parquet import chunks
from petafit.stream.parquet.chunks import coded_columns
from petafit.table.parquet.snapshot import open_file


@contextmanager
def opened(path):
    """The file, and `s` not left to pyarrow however short it is."""
    with (
        pytest.MonkeyPatch.context() as patch,
        open_file(str(path), size=path.stat().st_size, dictionaries=["s"]) as file,
    ):
        patch.setattr(chunks, "is_dictionary", lambda _: True)
        yield replace(file, dictionaries=("s",))


def read(path, step=1 << 20):
    """All texts of the column `s`, read so many at a time."""
    texts = []
    with opened(path) as file:
        for group in range(file.footer.num_row_groups):
            column = coded_columns(file, group, ["s"])["s"]
            left = file.footer.row_group(group).num_rows
            while left:
                rows = column.read(min(step, left))
                rows.validate(full=True)
                texts += rows.to_pylist()
                left -= len(rows)
    return texts


def by_pyarrow(path):
    return pq.ParquetFile(path).read(["s"])["s"].to_pylist()
