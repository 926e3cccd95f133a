"""Staging folders for content not yet published, and the removal of those of dead publishers."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from petafit.errors import StorageError
from petafit.models.manifest import read_version, version_numbers
from petafit.store.filesystem import Folder
from petafit.store.owner import forget, in_place_of, note, noted

log = logging.getLogger("petafit")

_NOTES = "publishing"


@contextmanager
def staging(model: Folder, run: str | None) -> Iterator[str]:
    """Name a staging folder among the model's objects, registered under a run until it is
    published.

    Parameters
    ----------
    run : str or None
        URI of the run's folder; without it nothing is registered.
    """
    name = f"staging-{uuid4().hex}"
    if run is not None:
        note(model.child(_NOTES), name, run)
    yield name
    if run is not None:
        forget(model.child(_NOTES), name)


def remove_unpublished(model: Folder) -> None:
    """Remove what dead runs staged and never published; what cannot be inspected stays."""
    for folder in (model, model.child(_NOTES), model.child("versions"), model.child("objects")):
        with suppress(StorageError):
            folder.remove_abandoned()
    for name, run in noted(model.child(_NOTES)):
        with in_place_of(run) as dead:
            if dead:
                try:
                    if model.child("objects", name).uri not in _published(model):
                        log.info("removing leftovers of the dead run %s in %s", run, model.uri)
                        model.child("objects", name).remove()
                    forget(model.child(_NOTES), name)
                except StorageError as error:
                    log.warning("leftovers of %s in %s stay: %s", run, model.uri, error)


def _published(model: Folder) -> set[str]:
    """Return the folders of all versions: on object stores, which cannot rename, staged ones."""
    return {read_version(model, number).folder for number in version_numbers(model)}
