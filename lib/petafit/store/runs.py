"""Run folders: start, resume and list runs."""

import os
import re
from collections.abc import Mapping
from typing import Any

from petafit.errors import ConfigurationError, StorageError
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
from petafit.store.run import Run
from petafit.store.run_manifest import FORMAT, MANIFEST, read_manifest

__all__ = ["Run", "RunStore"]

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+=-]{0,199}")  # including schedulers' ids


class RunStore:
    """The runs below one folder.

    Parameters
    ----------
    uri : str, path or Folder
        A local path or any URI that `petafit.store.filesystem.Folder` takes.
    """

    def __init__(self, uri: str | os.PathLike[str] | Folder) -> None:
        self.folder = Folder(uri)

    def open(
        self,
        run_id: str,
        *,
        job: str,
        task: str,
        environment: str,
        logical_date: str | None,
        settings_digest: str,
        versions: Mapping[str, str],
    ) -> Run:
        """Open a run by its id: new, to be resumed, or finished. Entering it starts the work.

        Raises
        ------
        ConfigurationError
            The id is not a valid folder name.
        ConflictError
            The id was used for another job, task, logical date or other settings.
        """
        if not _RUN_ID.fullmatch(run_id):
            raise ConfigurationError(
                f"A run cannot have the id {run_id!r}",
                expected="letters, digits and . _ : + = -, at most 200, a letter or digit first",
            )
        asked = {
            "format": FORMAT,
            "job": job,
            "task": task,
            "environment": environment,
            "run_id": run_id,
            "logical_date": logical_date,
            "settings_digest": settings_digest,
            "versions": dict(versions),
        }
        return Run(self.folder.child(run_id), asked)

    def list(self) -> list[dict[str, Any]]:
        """Return the manifests of all runs, newest first.

        A run whose process died unexpectedly (killed, machine lost) is listed as failed. Those
        whose manifest cannot be read come last, with only ``run_id``, ``status``
        (unreadable), ``error`` and ``started_at`` (None).
        """
        folders = [self.folder.child(name) for name in self.folder.names()]
        manifests = [_as_it_stands(folder) for folder in folders if folder.exists(MANIFEST)]
        return sorted(manifests, key=lambda found: str(found["started_at"] or ""), reverse=True)


def _as_it_stands(folder: Folder) -> dict[str, Any]:
    """Return a run's manifest; ``running`` is kept only if a process holds the lease."""
    try:
        manifest = read_manifest(folder)
    except StorageError as error:
        run_id = folder.split()[1]
        return {"run_id": run_id, "status": "unreadable", "error": str(error), "started_at": None}
    if manifest["status"] == "running" and not Lease(folder.child("lease")).is_held_by_another():
        manifest |= {"status": "failed", "error": "its process died unexpectedly"}
    return manifest
