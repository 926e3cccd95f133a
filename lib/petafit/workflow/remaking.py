"""The output of a run: if it is no longer there, a finished run makes it again."""

from collections.abc import Mapping
from typing import Any

from petafit.errors import ConfigurationError, StorageError
from petafit.models.store import ModelStore
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.table.writers.earlier_runs import delta_still_has, parquet_still_has

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
    for told in run.manifest["outputs"]:
        if not _has_output(run, told):
            return f"{told['path']} does not have what it wrote any more"
    model = run.manifest["model"]
    if run.manifest["job"] == "train" and model and not _has_model(models, model):
        return f"version {model['version']} of the model {model['name']!r} is not there any more"
    return None


def _has_output(run: Run, told: Mapping[str, Any]) -> bool:
    table = Folder(told["path"])
    if told["format"] == "delta":
        return delta_still_has(table, output_key(run.manifest), told["rows"])
    if told["format"] == "parquet":
        known = run.folder.read_json(WRITTEN) if run.folder.exists(WRITTEN) else {}
        # An older petafit wrote no list.
        files = known.get(told["path"]) if isinstance(known, dict) else None
        return table.exists() if files is None else parquet_still_has(table, files)
    return table.exists()


def _has_model(models: ModelStore, told: Mapping[str, Any]) -> bool:
    try:
        found = models.find(told["name"], told["version"])
        folder = Folder(found.folder)
        return found.digest == told["digest"] and all(map(folder.exists, found.files))
    except (ConfigurationError, StorageError):
        return False
