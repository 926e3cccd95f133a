"""Detection of tables with a log of their files: read as plain Parquet they give wrong rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyarrow.fs import FileSelector, FileType

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.parquet.sink_log import SINK_LOG

_NAME_IT = "Name that as `table.uri`, and choose its rows with `table.filter`."
_COPY_IT = "Copy its rows to a Delta or Parquet table with Spark, and name that as `table.uri`."


@dataclass(frozen=True, slots=True)
class OtherFormat:
    """A table format, and the alternative for the user."""

    kind: str
    hint: str


_ICEBERG = OtherFormat("an Iceberg table", _COPY_IT)
_STREAM = OtherFormat("the output of a Spark stream", _NAME_IT)
_BY_LOG = {
    "_delta_log": OtherFormat("a Delta table", _NAME_IT),
    ".hoodie": OtherFormat("a Hudi table", _COPY_IT),
    SINK_LOG: _STREAM,
}
_METADATA, _METADATA_FILE = "metadata", ".metadata.json"


def refuse_other_formats(root: Folder, names: Iterable[str]) -> None:
    """Refuse a folder that is, holds, or lies in a table of another format.

    Parameters
    ----------
    names : iterable of str
        Names of the files and folders below it, without the content of hidden folders.

    Raises
    ------
    ConfigurationError
        The files may hold rows that were deleted, or never committed.
    """
    for place, found in _within(names):
        if place:
            raise _refusal(f"{root.uri} holds {root.child(place).uri}, which is", found)
        if found is not _STREAM:  # whose log is supported
            raise _refusal(f"{root.uri} is", found)
    for above, found in _above(root):
        raise _refusal(f"{root.uri} lies in {above.uri}, which is", found)


def _refusal(what: str, found: OtherFormat) -> ConfigurationError:
    return ConfigurationError(
        f"{what} {found.kind}: without its log, rows count that were removed or never committed",
        hint=found.hint,
    )


def _within(names: Iterable[str]) -> Iterator[tuple[str, OtherFormat]]:
    for name in names:
        place, _, last = name.rpartition("/")
        if last in _BY_LOG:
            yield place, _BY_LOG[last]
        elif last.endswith(_METADATA_FILE) and place.rpartition("/")[2] == _METADATA:
            yield place.rpartition("/")[0], _ICEBERG


def _above(root: Folder) -> Iterator[tuple[Folder, OtherFormat]]:
    """Return the parent folders that are tables."""
    folder, name = root.split()
    while name:
        for log, found in _BY_LOG.items():
            if _is_folder(folder, log):
                yield folder, found
        if _is_folder(folder, _METADATA) and _has_metadata(folder.child(_METADATA)):
            yield folder, _ICEBERG
        folder, name = folder.split()


def _is_folder(folder: Folder, name: str) -> bool:
    """Return whether a folder exists; False if access is denied."""
    try:
        info = folder.filesystem.get_file_info(folder.child(name).path)
    except OSError:
        return False
    return bool(info.type == FileType.Directory)


def _has_metadata(folder: Folder) -> bool:
    try:
        infos = folder.filesystem.get_file_info(FileSelector(folder.path))
    except OSError:
        return False
    return any(info.base_name.endswith(_METADATA_FILE) for info in infos)
