"""The tables a job writes: staged by the workers, committed once, listed in the manifest."""

import logging
from collections.abc import Callable, Sequence

import pyarrow as pa

from petafit.table.snapshot import Format
from petafit.table.writers.files import WrittenFile
from petafit.table.writers.output import Output
from petafit.table.writers.scope import WHOLE, Scope
from petafit.table.writers.types import loses_nanoseconds
from petafit.workflow.job import Job
from petafit.workflow.remaking import WRITTEN, output_key

log = logging.getLogger("petafit")


def new_output(
    job: Job,
    uri: str,
    schema: pa.Schema,
    *,
    format: Format,
    partition_by: Sequence[str] = (),
    scope: Scope = WHOLE,
    source: str | None = None,
    refuse: Callable[[Output], None] | None = None,
) -> Output:
    """A table for this run to write, or to go on writing after an interruption.

    Parameters
    ----------
    scope, source
        As in `Output`.
    refuse : callable, optional
        Raises where what lies there must not be replaced.

    Raises
    ------
    ConfigurationError
        What lies there cannot be replaced, or a column has a type that no table keeps.
    """
    key = output_key(job.run.manifest)
    wanted = Output(uri, format, schema, key, tuple(partition_by), scope, source)
    wanted.clear()
    wanted.check()
    cut = [field.name for field in schema if loses_nanoseconds(field.type)]
    if cut:
        log.warning("%s keeps microseconds: nanoseconds of %s are cut off", uri, ", ".join(cut))
    if refuse and not wanted.is_committed:
        refuse(wanted)
    output, is_new = wanted.begun(job.run.folder.uri)
    if is_new:  # or what an earlier attempt staged was removed: its summaries tell of lost files
        job.run.folder.remove("passes")
    return output


def commit(job: Job, output: Output, files: Sequence[WrittenFile]) -> None:
    """Make the files the table, and say so in the manifest."""
    folder = job.run.folder
    known = folder.read_json(WRITTEN) if folder.exists(WRITTEN) else {}
    folder.write_json(WRITTEN, {**known, output.uri: sorted({file.path for file in files})})
    written = {
        "path": output.uri,
        "format": output.format,
        "version": output.commit(files),
        "rows": sum(file.rows for file in files),
    }
    others = [told for told in job.run.manifest["outputs"] if told["path"] != output.uri]
    job.run.update(outputs=[*others, written])
