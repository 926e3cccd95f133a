"""Manifests of a model's versions, numbered and immutable."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from petafit.errors import StorageError
from petafit.models.content import ATTACHMENT, STAGES, refuse_links_out
from petafit.store.filesystem import Folder
from petafit.store.plain import from_json, to_json, validated

FORMAT = 1
_VERSION_FILE = re.compile(r"(\d{6,})\.json")


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model, as its manifest describes it.

    Attributes
    ----------
    digest : str
        SHA-256 of the content alone, independent of the run, the time and the metrics.
    kind : str
        ``arrays``, or ``mllib`` with Spark's own files attached. Those contain timestamps and
        random ids, so training twice gives two digests.
    folder : str
        URI of the content.
    files : mapping of str to str
        SHA-256 of every file in it.
    logical_date : str or None
        The run's logical date; missing in manifests of older releases.
    stages : list of mapping
        The stages of its features, with who ``runs`` each: ``petafit`` or ``spark``.
    weights : mapping or None
        Coefficients or importances of an MLlib model's features: their ``kind``, the class of each
        of several ``outputs``, the ``features`` with the largest, each with its ``weights``, and
        the number of ``others`` that are not 0.
    """

    name: str
    version: int
    digest: str
    kind: str
    run_id: str
    created_at: str
    settings_digest: str
    folder: str
    files: dict[str, str]
    metrics: dict[str, Any] = field(default_factory=dict)
    logical_date: str | None = None
    stages: list[dict[str, str]] = field(default_factory=list)
    weights: dict[str, Any] | None = None

    @property
    def attachment(self) -> str | None:
        """Folder of the files that Spark reads itself, or None if there is none."""
        if self.kind == "arrays":
            return None
        return Folder(self.folder).child(ATTACHMENT).spark_uri

    def require_stages(self) -> Folder:
        """Return the folder of the fitted stages of its features that Spark runs.

        Raises
        ------
        StorageError
            There are none.
        """
        if not any(name.startswith(f"{STAGES}/") for name in self.files):
            raise StorageError(
                f"The fitted stages of model {self.name!r} version {self.version} are missing",
                hint="Copy the model again, or train it again.",
            )
        return Folder(self.folder).child(STAGES)

    @property
    def identity(self) -> dict[str, Any]:
        """Name, version and digest, by which runs and predictions refer to the model."""
        return {"name": self.name, "version": self.version, "digest": self.digest}

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class UnreadableVersion:
    """A version whose manifest cannot be read, with the reason."""

    name: str
    version: int
    error: str
    status: str = "unreadable"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


_FIELDS = TypeAdapter(ModelVersion)


def version_numbers(model: Folder) -> list[int]:
    """Return the numbers of a model's versions, ascending."""
    names = model.child("versions").names()
    return sorted(int(match[1]) for match in map(_VERSION_FILE.fullmatch, names) if match)


def read_version(model: Folder, number: int) -> ModelVersion:
    """Read the manifest with this number.

    Raises
    ------
    StorageError
        The manifest is missing, damaged, of an unknown format, or refers outside the folder.
    """
    manifest = read_part(model, f"versions/{_file_name(number)}")
    fields = {**manifest, "version": number}
    damaged = f"The manifest of version {number} in {model.uri}"
    version = validated(_FIELDS, fields, damaged=damaged)
    folder = model.child(version.folder)
    refuse_links_out(model, [version.folder])
    return replace(version, folder=folder.uri)


def find_number(model: Folder, digest: str, run_id: str) -> int | None:
    """Return the newest version that this run published with this content; skips damaged manifests.

    Raises
    ------
    StorageError
        A manifest cannot be read at all.
    """
    wanted = {"digest": digest, "run_id": run_id}
    for number in reversed(version_numbers(model)):
        content = model.read(f"versions/{_file_name(number)}")
        with suppress(ValueError):
            found = from_json(content)
            if isinstance(found, dict) and wanted.items() <= found.items():
                return number
    return None


def claim_version(model: Folder, manifest: Mapping[str, Any]) -> int:
    """Write a manifest under the next free number, exclusively among concurrent publishers."""
    content = to_json({"format": FORMAT, **manifest})
    number = max(version_numbers(model), default=0) + 1
    while not model.child("versions").create(_file_name(number), content):
        number += 1
    return number


def read_part(model: Folder, name: str) -> dict[str, Any]:
    """Read a JSON file of a model's folder.

    Raises
    ------
    StorageError
        The file is missing, damaged, of an unknown format, or outside the folder.
    """
    refuse_links_out(model, [name])
    value = model.read_json(name)
    found = value.get("format") if isinstance(value, dict) else None
    if found != FORMAT:
        raise StorageError(
            f"{model.uri}/{name} has a format that this release of petafit cannot read",
            expected=f"format {FORMAT}",
            got=f"format {found}",
            hint="It was written by another version of petafit: use that one, or train again.",
        )
    return dict(value)


def _file_name(number: int) -> str:
    return f"{number:06d}.json"
