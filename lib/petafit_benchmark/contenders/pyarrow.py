"""pyarrow, the upper limit: it decodes the same columns, strings as dictionaries, and no more."""

import time

import pyarrow as pa
import pyarrow.parquet as pq

from petafit_benchmark.contender import Contender, ContenderRun, Spec, versions

BATCH_ROWS = 1 << 16


def train(spec: Spec) -> ContenderRun:
    """Decode every batch once on one core, and discard it."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _decode(spec, spec.test_files[0])  # else the first file would pay for first use
    began = time.monotonic()
    rows = sum(_decode(spec, file) for file in spec.files)
    return ContenderRun(
        rows=rows,
        seconds=time.monotonic() - began,
        predictions=None,
        versions=versions("pyarrow"),
    )


def _decode(spec: Spec, path: str) -> int:
    with pq.ParquetFile(path, read_dictionary=list(spec.strings)) as file:
        batches = file.iter_batches(BATCH_ROWS, columns=list(spec.columns), use_threads=False)
        return sum(batch.num_rows for batch in batches)


DECODE_ONLY = Contender(
    title="decode only (pyarrow)", learner="none", train=train, requires=("pyarrow",)
)
