"""A run: its folder, the manifest that every job leaves, and its lease."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from petafit.errors import (
    ConfigurationError,
    ConflictError,
    StorageError,
    did_you_mean,
    only_logged,
)
from petafit.store.filesystem import Folder
from petafit.store.lease import Lease
from petafit.store.run_manifest import MANIFEST, read_manifest

_IDENTITY = ("job", "task", "logical_date", "settings_digest")
_RESULTS: Mapping[str, Any] = {
    "inputs": [],
    "plans": {},
    "rows": {},
    "outputs": [],
    "metrics": {},
    "measured_on": None,
    "clusters": None,
    "stages": [],
    "stage_files": None,
    "learning_rate": None,
    "rounds": [],
    "model": None,
    "weights": None,
    "summaries": None,
    "influence": None,
    "search": None,
    "warnings": [],
    "timings": {},
    "peak_memory_bytes": {},
    "compiled_kernels": {},
}


class Run:
    """A run: its folder, its manifest, and the lease that excludes other processes.

    Use it as a context manager: the manifest's status is ``running`` inside, and ``succeeded`` or
    ``failed`` with the error after it. An unfinished run that is opened again keeps its manifest's
    fields until they are updated. Make one with `RunStore.open`.

    Attributes
    ----------
    folder : Folder
    run_id : str
    manifest : dict
        See `RunStore.open` for who the run is; the other fields are ``status`` (running, succeeded
        or failed), ``error``, ``started_at`` and ``seconds`` of the last attempt, ``made`` (how
        often; more than once where the output was lost: ``again_because``), ``versions``,
        ``inputs``, ``plans`` (digests, by the part of the rows), ``rows``, ``outputs``,
        ``metrics``, ``measured_on`` (which rows: ``test``, ``training`` or ``all``), ``stages`` (of
        the features, with who runs each), ``stage_files`` (their digests), ``learning_rate``
        (where the task leaves it to petafit), ``rounds`` (of training, and what each brought),
        ``model``, ``weights`` (of an MLlib model's features),
        ``summaries`` (of partitions, kept by training), ``influence`` (of partitions),
        ``search`` (its candidates, and the best of them),
        ``warnings`` (of a model that may be of no use),
        ``timings`` (seconds by stage), ``peak_memory_bytes`` and ``compiled_kernels`` (by kind of
        process; 0 where a cache had all kernels).
    """

    def __init__(self, folder: Folder, asked: Mapping[str, Any]) -> None:
        self.folder = folder
        self.run_id = str(asked["run_id"])
        self._asked = asked
        self._lease = Lease(folder.child("lease"))
        self._began = time.monotonic()
        self._stages: dict[str, float] = {}
        self._again: tuple[int, str] | None = None
        self.manifest = self._read()

    @property
    def finished(self) -> bool:
        """Return whether the run has succeeded and is not to be repeated."""
        return bool(self.manifest.get("status") == "succeeded") and not self._begins_anew

    def make_again(self, because: str) -> None:
        """Restart a finished run from scratch when it is entered.

        If another process was faster, its result is used.
        """
        self._again = (self.manifest.get("made", 1), because)

    @property
    def _begins_anew(self) -> bool:
        done = self.manifest.get("status") == "succeeded"
        return done and self._again is not None and self._again[0] == self.manifest.get("made", 1)

    def __enter__(self) -> Self:
        """Acquire the lease and set the status to running, unless the run is finished.

        Raises
        ------
        ConflictError
            Another process is at work on this run, or the id is used for other work.
        ConfigurationError
            The run folder cannot be written or read.
        """
        if self.finished:
            return self
        try:
            self._lease.acquire()
        except StorageError as error:
            raise ConfigurationError(
                f"The run folder {self.folder.uri} cannot be used",
                got=error.got,
                hint="Choose another place with `paths.runs`.",
            ) from error
        try:
            self.manifest = self._read()  # another process may have finished it meanwhile
            if self.finished:
                self._lease.release()
            else:
                self._begin()
        except BaseException:
            self._lease.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.finished:
            return
        seconds = time.monotonic() - self._began
        try:
            if error is None:
                self._write(status="succeeded", seconds=seconds)
            else:
                with suppress(StorageError, ConflictError):  # the original error is more important
                    self._write(status="failed", error=_in_words(error), seconds=seconds)
        finally:
            self._lease.release()

    def update(self, **fields: Any) -> None:
        """Update the manifest's fields; a mapping is merged into the existing one.

        Raises
        ------
        ConflictError
            The lease was lost: this process was considered dead, and another works on the run.
        """
        for name in fields.keys() - _RESULTS.keys():
            raise ConfigurationError(
                f"A run's manifest has no field {name!r} for results",
                hint=did_you_mean(name, _RESULTS),
            )
        self._write(**{name: _merged(self.manifest[name], new) for name, new in fields.items()})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to ``timings[name]``."""
        began = time.monotonic()
        try:
            yield
        except BaseException:
            with only_logged(f"writing the manifest in {self.folder.uri}"):
                self._spent(name, time.monotonic() - began)
            raise
        self._spent(name, time.monotonic() - began)

    def _spent(self, name: str, seconds: float) -> None:
        self._stages[name] = self._stages.get(name, 0.0) + seconds
        self.update(timings={name: self._stages[name]})

    def _begin(self) -> None:
        self._began = time.monotonic()
        self._stages = {}
        known = self.manifest
        made = {"made": known.get("made", 1), "again_because": known.get("again_because")}
        if self._again and self._begins_anew:
            for name in self.folder.names():
                if name not in (MANIFEST, "lease"):
                    self.folder.remove(name)
            known = {}
            made = {"made": self._again[0] + 1, "again_because": self._again[1]}
        attempt = {
            "status": "running",
            "error": None,
            "started_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "seconds": None,
        }
        self._write(**{**_RESULTS, **known, **self._asked, **made, **attempt})

    def _read(self) -> dict[str, Any]:
        """Read an earlier attempt's manifest, if this run may continue it."""
        if not self.folder.exists(MANIFEST):
            return {}
        manifest = read_manifest(self.folder)
        other = [name for name in _IDENTITY if manifest[name] != self._asked[name]]
        if other:
            raise ConflictError(
                f"Run {self.run_id!r} was used for other work",
                expected=_listed(manifest, other),
                got=_listed(self._asked, other),
                hint="Choose another run id, or go back to the settings it began with.",
            )
        return manifest

    def _write(self, **fields: Any) -> None:
        if self._lease.is_lost:
            raise ConflictError(
                f"Another process has taken over run {self.run_id!r}",
                hint="This one did not renew its lease for too long; let the other one finish.",
            )
        manifest = {**self.manifest, **fields}
        self.folder.write_json(MANIFEST, manifest)
        self.manifest = manifest


def _in_words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return f"{type(error).__name__}: {error}"


def _merged(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, Mapping) and isinstance(new, Mapping) else new


def _listed(manifest: Mapping[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name} {str(manifest[name])[:40]}" for name in names)
