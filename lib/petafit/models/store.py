"""Published models: content by digest, numbered versions, a pointer to the latest, aliases.

A model is a folder::

    flights/objects/<digest>/model.npz      arrays and parameters, perhaps attachment/ beside them
    flights/versions/000001.json            manifest, written when its content is complete
    flights/latest.json                     pointer, written last
    flights/aliases/champion/000001.json    the version behind an alias, and the one before it

Paths inside are relative, so a copied folder is the same model.
"""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from petafit.errors import ConfigurationError, StorageError, did_you_mean
from petafit.models.aliases import (
    LATEST,
    Asked,
    alias_of,
    aliases_of,
    promote,
    roll_back,
    split_reference,
)
from petafit.models.content import (
    ATTACHMENT,
    STAGES,
    content_digest,
    read_content,
    refuse_links_out,
    write_content,
)
from petafit.models.latest import latest_number, point_to_latest
from petafit.models.manifest import (
    ModelVersion,
    UnreadableVersion,
    claim_version,
    find_number,
    read_version,
    version_numbers,
)
from petafit.models.unpublished import remove_unpublished, staging
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder

__all__ = ["ModelStore", "ModelVersion", "UnreadableVersion", "open_model"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_PROBE = "_writable"


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
        named: StateDict,
        *,
        run_id: str,
        settings_digest: str,
        metrics: Mapping[str, Any],
        logical_date: str | None = None,
        attachment: Callable[[str], None] | None = None,
        stages: Callable[[str], None] | None = None,
        owner: str | None = None,
        weights: Mapping[str, Any] | None = None,
    ) -> ModelVersion:
        """Publish a model as the next version; it is the latest unless another has a later date.

        Publishing is atomic: a concurrent reader, or one after a crash at any point in here, finds
        either the version before or this one, complete. It is idempotent: publishing the same
        content for the same run again returns the existing version. Concurrent publishers get
        distinct versions; on an object store only if they are more than a round trip apart.

        Parameters
        ----------
        logical_date : str, optional
            The date the model stands for, as `petafit.store.run_manifest` takes it.
        attachment, stages : callable, optional
            Called with a URI for Spark, to which it writes an MLlib model, or fitted stages.
        owner : str, optional
            URI of the publishing run's folder: if that run dies, the next publisher removes its
            leftovers.

        Raises
        ------
        ConfigurationError
            The name cannot be a folder's name.
        StorageError
            The store cannot be written.
        """
        _check_name(name)
        model = self.folder.child(name)
        if owner is not None:
            remove_unpublished(model)
        writers = {n: w for n, w in ((ATTACHMENT, attachment), (STAGES, stages)) if w is not None}
        with staging(model, owner if writers else None) as staged:
            content = write_content(model.child("objects"), named, writers, staged)
            digest = content_digest(content.files)
            optional = {"stages": named.params.get("stages", {}).get("stages"), "weights": weights}
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
                "logical_date": logical_date,
                **{field: value for field, value in optional.items() if value},
            }
            # A run that was interrupted after publishing finds its version here.
            known = None if content.is_new else find_number(model, digest, run_id)
            number = known or claim_version(model, manifest)
            point_to_latest(model, number)
        return read_version(model, number)

    def check(self, name: str) -> None:
        """Refuse, before any work is done, a model that could not be published.

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

    def find(self, name: str, asked: Asked = None) -> ModelVersion:
        """Find a version of a model.

        Raises
        ------
        ConfigurationError
            There is no such model, version or alias.
        StorageError
            A manifest is damaged, or of a format this petafit does not know.
        """
        model = self._model(name)
        number = latest_number(model) if asked in (None, LATEST) else asked
        if isinstance(number, str):
            number = _named(model, number)
        return self._version(name, model, number)

    def promote(self, name: str, asked: Asked, *, alias: str) -> ModelVersion:
        """Move an alias to a version of a model.

        Raises
        ------
        ConfigurationError
            There is no such version, or the alias is reserved or ambiguous.
        ConflictError
            Another process changed the alias at the same time.
        """
        found = self.find(name, asked)
        promote(self.folder.child(name), alias, found.version)
        return found

    def rollback(self, name: str, *, alias: str) -> ModelVersion:
        """Move an alias back to its previous version.

        Raises
        ------
        ConfigurationError
            There is no such model, or no earlier version with the alias.
        ConflictError
            Another process changed the alias at the same time.
        """
        model = self._model(name)
        return self._version(name, model, roll_back(model, alias))

    def aliases(self, name: str) -> dict[str, int]:
        """Return the aliases of a model, `latest` among them, and the version each names.

        Unreadable aliases are left out.
        """
        model = self._model(name)
        found: dict[str, int] = {}
        with suppress(StorageError):
            found[LATEST] = latest_number(model)
        return found | aliases_of(model)

    def load(self, found: ModelVersion) -> StateDict:
        """Load a version's arrays, after verifying the digest of every file.

        Raises
        ------
        StorageError
            The content is missing, damaged or differs from what was published.
        """
        if content_digest(found.files) != found.digest:
            raise StorageError(
                f"The manifest of model {found.name!r} version {found.version} contradicts itself",
                expected=f"digest {found.digest[:12]}",
                got=content_digest(found.files)[:12],
                hint="It was changed after it was published: train or copy the model again.",
            )
        return read_content(Folder(found.folder), found.files)

    def _model(self, name: str) -> Folder:
        refuse_links_out(self.folder, [name])
        model = self.folder.child(name)
        if not version_numbers(model):
            raise ConfigurationError(
                f"No model {name!r} in {self.folder.uri}",
                hint=did_you_mean(name, _model_names(self.folder)) or "Train it first.",
            )
        return model

    def _version(self, name: str, model: Folder, number: int) -> ModelVersion:
        numbers = version_numbers(model)
        if number not in numbers:
            raise ConfigurationError(
                f"Model {name!r} in {self.folder.uri} has no version {number}",
                expected=f"one of {', '.join(map(str, numbers))}",
            )
        return read_version(model, number)

    def list(self) -> list[ModelVersion | UnreadableVersion]:
        """List all versions of all models by name and number, unreadable ones with the reason."""
        names = _model_names(self.folder)
        return [
            _listed(self.folder.child(name), name, number)
            for name in names
            for number in version_numbers(self.folder.child(name))
        ]


def open_model(path_or_uri: str | os.PathLike[str]) -> tuple[ModelVersion, StateDict]:
    """Load a model from its folder: ``models/flights``, ``models/flights@3``, or ``@champion``.

    Raises
    ------
    ConfigurationError
        There is no such model, version or alias.
    StorageError
        The model is damaged.
    """
    path, asked = split_reference(os.fspath(path_or_uri))
    if isinstance(asked, str) and version_numbers(Folder(path_or_uri)):
        path, asked = os.fspath(path_or_uri), None  # a folder with an @ in its name
    folder, name = Folder(path).split()
    store = ModelStore(folder)
    found = store.find(name, asked)
    return found, store.load(found)


def _named(model: Folder, alias: str) -> int:
    version = alias_of(model, alias)
    if version is None:
        raise ConfigurationError(
            f"No version of the model in {model.uri} has the alias {alias!r}",
            hint=did_you_mean(alias, [LATEST, *aliases_of(model)]),
        )
    return version


def _model_names(folder: Folder) -> list[str]:
    return [name for name in folder.names() if version_numbers(folder.child(name))]


def _listed(model: Folder, name: str, number: int) -> ModelVersion | UnreadableVersion:
    try:
        refuse_links_out(model.split()[0], [name])
        return read_version(model, number)
    except StorageError as error:
        return UnreadableVersion(name, number, str(error))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"A model cannot be called {name!r}",
            expected="letters, digits, '.', '_' and '-', at most 128, a letter or digit first",
        )
