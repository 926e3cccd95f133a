"""A model's content: its arrays, optional attachments written by Spark, and their digests."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import uuid4

from petafit.errors import StorageError
from petafit.store.arrays import StateDict, digest, from_bytes, to_buffers
from petafit.store.filesystem import Folder

ARRAYS = "model.npz"
ATTACHMENT = "attachment"
STAGES = "stages"
_ATTACHED = (ATTACHMENT, STAGES)

Writers = Mapping[str, Callable[[str], None]]
"""By folder, `ATTACHMENT` or `STAGES`, what writes its files to the URI it is given."""


@dataclass(frozen=True)
class Content:
    """Location and digests of written content.

    Attributes
    ----------
    folder : str
        Its name among the model's objects.
    files : mapping of str to str
        The SHA-256 of every file, by its name in the folder.
    is_new : bool
        False where the same content was there already.
    """

    folder: str
    files: Mapping[str, str]
    is_new: bool


def content_digest(files: Mapping[str, str]) -> str:
    """Return one digest for all files: that of the arrays alone, or of ``sha256sum``'s listing."""
    if set(files) == {ARRAYS}:
        return files[ARRAYS]
    listing = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(listing.encode()).hexdigest()


def write_content(
    objects: Folder,
    named: StateDict,
    writers: Writers,
    staging: str | None = None,
) -> Content:
    """Write arrays, and what `writers` write, below `objects`.

    Parameters
    ----------
    staging : str, optional
        A folder not used by any other process, to which `writers` write.

    Raises
    ------
    StorageError
        The folder cannot be written, or one of `writers` left no file.
    """
    arrays = to_buffers(named)
    files = {ARRAYS: digest(arrays)}
    if not writers:
        folder = content_digest(files)
        is_new = not objects.exists(f"{folder}/{ARRAYS}")
        objects.write(f"{folder}/{ARRAYS}", arrays)
        return Content(folder, files, is_new)
    staging = staging or f"staging-{uuid4().hex}"
    try:
        for name, write in writers.items():
            files |= _attach(objects.child(staging), name, write)
        objects.write(f"{staging}/{ARRAYS}", arrays)
        return _settle(objects, staging, files)
    except BaseException:
        objects.remove(staging)
        raise


def read_content(folder: Folder, files: Mapping[str, str]) -> StateDict:
    """Read the arrays, after verifying the digest of every file.

    Raises
    ------
    StorageError
        A file is missing, was added, lies outside the folder, or differs from what was written.
    """
    present = {ARRAYS, *_attached(folder)}
    if present != set(files):
        raise StorageError(
            f"The model's folder {folder.uri} does not hold what its manifest lists",
            expected=sorted(files),
            got=sorted(present),
            hint="Copy the whole folder again, or train the model again.",
        )
    refuse_links_out(folder, present)
    for name in sorted(present - {ARRAYS}):
        _verify(folder, name, found=folder.digest(name), written=files[name])
    arrays = folder.read(ARRAYS)
    _verify(folder, ARRAYS, found=digest(arrays), written=files[ARRAYS])
    return from_bytes(arrays)


def _attach(folder: Folder, name: str, write: Callable[[str], None]) -> dict[str, str]:
    write(folder.child(name).spark_uri)
    files = {path: folder.digest(path) for path in _files_of(folder, name)}
    if not files:
        raise StorageError(
            f"No files were written to {folder.child(name).uri}",
            expected="the files of the model's own writer",
            hint="On a cluster `paths.models` must be storage that all machines share.",
        )
    return files


def _attached(folder: Folder) -> list[str]:
    return [path for name in _ATTACHED for path in _files_of(folder, name)]


def _files_of(folder: Folder, part: str) -> list[str]:
    return [f"{part}/{name}" for name in folder.child(part).files()]


def _settle(objects: Folder, staging: str, files: Mapping[str, str]) -> Content:
    """Rename the staged folder to its digest, on filesystems that can rename folders."""
    if not objects.can_rename:
        return Content(staging, files, is_new=True)
    folder = content_digest(files)
    if objects.exists(folder):
        objects.remove(staging)
        return Content(folder, files, is_new=False)
    objects.rename(staging, folder)
    return Content(folder, files, is_new=True)


def _verify(folder: Folder, name: str, *, found: str, written: str) -> None:
    if found != written:
        raise StorageError(
            f"{folder.uri}/{name} differs from what was published",
            expected=f"digest {written[:12]}",
            got=found[:12],
            hint="The file is damaged or was changed: train or copy the model again.",
        )


def refuse_links_out(folder: Folder, names: Iterable[str]) -> None:
    """Refuse names whose real location is outside a local folder.

    The folder itself, and those above it, may be links.

    Raises
    ------
    StorageError
        Names the link and its target.
    """
    if not folder.is_local:
        return
    top = os.path.realpath(folder.path)
    for name in names:
        real = os.path.realpath(f"{folder.path}/{name}")
        if os.path.commonpath([top, real]) != top:
            raise StorageError(
                f"{folder.uri}/{name} leads out of its folder by a symbolic link",
                expected=f"a file or folder below {top}",
                got=real,
                hint="Copy it there, or name the folder that it leads to.",
            )
