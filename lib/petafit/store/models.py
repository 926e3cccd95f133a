"""Published models: content by digest, numbered versions, and a pointer to the latest.

A model is a folder::

    flights/objects/<digest>/model.npz      arrays and parameters, perhaps attachment/ beside them
    flights/versions/000001.json            manifest, written when its content is complete
    flights/latest.json                     pointer, written last

Paths inside are relative, so a copied folder is the same model.
"""

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from petafit.errors import ConfigurationError, StorageError, did_you_mean
from petafit.store.arrays import Named
from petafit.store.content import content_digest, read_content, write_content
from petafit.store.filesystem import Folder
from petafit.store.manifest import (
    ModelVersion,
    UnreadableVersion,
    claim_version,
    find_number,
    latest_number,
    point_to_newest,
    read_version,
    version_numbers,
)

__all__ = ["ModelStore", "ModelVersion", "UnreadableVersion", "open_model"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PROBE = "_writable"
_WITH_VERSION = re.compile(r"(?P<model>.+)@(?P<version>\d+)", re.DOTALL)


class ModelStore:
    """The models below one folder.

    Parameters
    ----------
    uri : str, path or Folder
        A local path or any URI that `petafit.store.filesystem.Folder` takes.
    """

    def __init__(self, uri: str | os.PathLike[str] | Folder) -> None:
        self.folder = Folder(uri)

    def publish(
        self,
        name: str,
        named: Named,
        *,
        run_id: str,
        settings_digest: str,
        metrics: Mapping[str, Any],
        attachment: Callable[[str], None] | None = None,
    ) -> ModelVersion:
        """Publish a model as the next version, and point to it.

        Whoever reads meanwhile, or after this process died anywhere in here, finds the version
        before or this one, whole. Publishing the same content for the same run again gives the
        version that is there. Concurrent publishers get versions of their own; on an object store
        that holds for publishers more than a round trip apart.

        Parameters
        ----------
        attachment : callable, optional
            Called with a URI for Spark, to which it writes a folder of its own.

        Raises
        ------
        ConfigurationError
            The name cannot be a folder's name.
        StorageError
            The store cannot be written.
        """
        _check_name(name)
        model = self.folder.child(name)
        content = write_content(model.child("objects"), named, attachment)
        digest = content_digest(content.files)
        manifest = {
            "name": name,
            "digest": digest,
            "kind": "mllib" if attachment else "arrays",
            "run_id": run_id,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "settings_digest": settings_digest,
            "folder": f"objects/{content.folder}",
            "files": content.files,
            "metrics": metrics,
        }
        # A run that was cut off after it had published finds its version.
        known = None if content.is_new else find_number(model, digest, run_id)
        number = known or claim_version(model, manifest)
        point_to_newest(model)
        return read_version(model, number)

    def check(self, name: str) -> None:
        """Refuse, before any work is done, what could not be published.

        Raises
        ------
        ConfigurationError
            The name cannot be a model's, or the store's folder cannot be written.
        """
        _check_name(name)
        try:
            self.folder.write(_PROBE, b"")
            self.folder.remove(_PROBE)
        except StorageError as error:
            raise ConfigurationError(
                f"The folder of models {self.folder.uri} cannot be written",
                got=error.got,
                hint="Choose another place with `paths.models`.",
            ) from error

    def find(self, name: str, version: int | None = None) -> ModelVersion:
        """A version of a model; without a number, the latest.

        Raises
        ------
        ConfigurationError
            There is no such model or version.
        StorageError
            A manifest is damaged, or of a format this petafit does not know.
        """
        model = self.folder.child(name)
        numbers = version_numbers(model)
        if not numbers:
            raise ConfigurationError(
                f"No model {name!r} in {self.folder.uri}",
                hint=did_you_mean(name, _model_names(self.folder)) or "Train it first.",
            )
        if version is not None and version not in numbers:
            raise ConfigurationError(
                f"Model {name!r} in {self.folder.uri} has no version {version}",
                expected=f"one of {', '.join(map(str, numbers))}",
            )
        return read_version(model, latest_number(model) if version is None else version)

    def load(self, found: ModelVersion) -> Named:
        """A version's arrays, after the digest of every file of it was verified.

        Raises
        ------
        StorageError
            The content is missing, damaged or not what was published.
        """
        if content_digest(found.files) != found.digest:
            raise StorageError(
                f"The manifest of model {found.name!r} version {found.version} contradicts itself",
                expected=f"digest {found.digest[:12]}",
                got=content_digest(found.files)[:12],
                hint="It was changed after it was published: train or copy the model again.",
            )
        return read_content(Folder(found.folder), found.files)

    def list(self) -> list[ModelVersion | UnreadableVersion]:
        """All versions of all models, by name and number; those that cannot be read say why."""
        names = _model_names(self.folder)
        return [
            _listed(self.folder.child(name), name, number)
            for name in names
            for number in version_numbers(self.folder.child(name))
        ]


def open_model(path_or_uri: str | os.PathLike[str]) -> tuple[ModelVersion, Named]:
    """Load a model from its folder, as in ``models/flights`` or ``models/flights@3``.

    Raises
    ------
    ConfigurationError
        There is no such model or version.
    StorageError
        The model is damaged.
    """
    path, number = split_version(os.fspath(path_or_uri))
    folder, name = Folder(path).split()
    store = ModelStore(folder)
    found = store.find(name, number)
    return found, store.load(found)


def split_version(name: str) -> tuple[str, int | None]:
    """A model's name or path, and the version asked for behind ``@``, if any.

    Examples
    --------
    >>> split_version("models/flights@3")
    ('models/flights', 3)
    >>> split_version("flights")
    ('flights', None)
    """
    asked = _WITH_VERSION.fullmatch(name)
    return (asked["model"], int(asked["version"])) if asked else (name, None)


def _model_names(folder: Folder) -> list[str]:
    return [name for name in folder.names() if version_numbers(folder.child(name))]


def _listed(model: Folder, name: str, number: int) -> ModelVersion | UnreadableVersion:
    try:
        return read_version(model, number)
    except StorageError as error:
        return UnreadableVersion(name, number, str(error))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"A model cannot be called {name!r}",
            expected="letters, digits, '.', '_' and '-', at most 128, a letter or digit first",
        )
