"""The tables a job writes: staged by the workers, committed once, told in the manifest."""

import logging
from collections.abc import Sequence

import pyarrow as pa

from petafit.store.arrays import digest
from petafit.table.files import WrittenFile
from petafit.table.output import Output
from petafit.table.snapshot import Format
from petafit.table.written_types import loses_nanoseconds
from petafit.workflow.job import Job

log = logging.getLogger("petafit")


def new_output(
    job: Job, uri: str, schema: pa.Schema, *, format: Format, partition_by: Sequence[str] = ()
) -> Output:
    """A table for this run to write, or to go on writing after an interruption.

    Raises
    ------
    ConfigurationError
        What lies there cannot be replaced, or a column has a type that no table keeps.
    """
    key = f"{job.run.manifest['job']}-{digest(job.run.run_id.encode())[:16]}"
    output = Output(uri, format, schema, key, tuple(partition_by))
    output.check()
    cut = [field.name for field in schema if loses_nanoseconds(field.type)]
    if cut:
        log.warning("%s keeps microseconds: nanoseconds of %s are cut off", uri, ", ".join(cut))
    return output


def commit(job: Job, output: Output, files: Sequence[WrittenFile]) -> None:
    """Make the files the table, and say so in the manifest."""
    written = {
        "path": output.uri,
        "format": output.format,
        "version": output.commit(files),
        "rows": sum(file.rows for file in files),
    }
    others = [told for told in job.run.manifest["outputs"] if told["path"] != output.uri]
    job.run.update(outputs=[*others, written])
