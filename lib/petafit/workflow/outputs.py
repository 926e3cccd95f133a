"""Outputs of a job: tables staged by the workers, committed once, listed in the manifest.

A finished run whose output is no longer there makes it again.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from petafit.errors import ConfigurationError, StorageError
from petafit.models.store import ModelStore
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.table.snapshot import Format
from petafit.table.writers.earlier_runs import delta_still_has, parquet_still_has
from petafit.table.writers.files import WrittenFile
from petafit.table.writers.output import Output
from petafit.table.writers.scope import WHOLE, Scope
from petafit.table.writers.types import loses_nanoseconds

if TYPE_CHECKING:
    from petafit.workflow.job import Job

log = logging.getLogger("petafit")
WRITTEN = "written.json"
"""In the run's folder: by table, the files that the run added to it."""


def output_key(manifest: Mapping[str, Any]) -> str:
    """Names what a run writes; another one where the run makes its output again."""
    again = f" {manifest['made']}" if manifest.get("made", 1) > 1 else ""
    return f"{manifest['job']}-{digest((manifest['run_id'] + again).encode())[:16]}"


def what_is_gone(run: Run, models: ModelStore) -> str | None:
    """Describe the output of a finished run that is gone; None where all of it is there.

    A table is there while it has the files that the run added, a model while its version and all
    its files are. No row and no array is read.

    Raises
    ------
    StorageError
        A table cannot be looked at.
    """
    for output in run.manifest["outputs"]:
        if not _has_output(run, output):
            return f"{output['path']} does not have what it wrote any more"
    model = run.manifest["model"]
    if run.manifest["job"] == "train" and model and not _has_model(models, model):
        return f"version {model['version']} of the model {model['name']!r} is not there any more"
    return None


def _has_output(run: Run, output: Mapping[str, Any]) -> bool:
    table = Folder(output["path"])
    if output["format"] == "delta":
        return delta_still_has(table, output_key(run.manifest), output["rows"])
    if output["format"] == "parquet":
        known = run.folder.read_json(WRITTEN) if run.folder.exists(WRITTEN) else {}
        # An older petafit wrote no list.
        files = known.get(output["path"]) if isinstance(known, dict) else None
        return table.exists() if files is None else parquet_still_has(table, files)
    return table.exists()


def _has_model(models: ModelStore, published: Mapping[str, Any]) -> bool:
    try:
        found = models.find(published["name"], published["version"])
        folder = Folder(found.folder)
        return found.digest == published["digest"] and all(map(folder.exists, found.files))
    except (ConfigurationError, StorageError):
        return False


def new_output(
    job: "Job",
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


def commit(job: "Job", output: Output, files: Sequence[WrittenFile]) -> None:
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
    others = [each for each in job.run.manifest["outputs"] if each["path"] != output.uri]
    job.run.update(outputs=[*others, written])
