"""Detection of the versions of a Delta table that remain after its log or files were cleaned up."""

import re
from collections.abc import Callable, Sequence

from pyarrow.fs import FileType

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.delta.location import LOG

_COMMIT = re.compile(r"(\d{20})(\.checkpoint(\..+)?\.parquet|\.json)")
_LOOKS = 1000
"""Number of files examined among those of an old version that the newest has not; evenly spread."""

FilesOf = Callable[[int], Sequence[str]]
"""Returns the locations of a version's files."""


def oldest_logged(root: Folder) -> int:
    """Return the oldest version that the log can restore: from the first commit, or a checkpoint.

    Commits older than all checkpoints are useless without the very first commit.
    """
    found = [match for name in root.child(LOG).names() if (match := _COMMIT.fullmatch(name))]
    if any(int(match[1]) == 0 for match in found):
        return 0
    return min((int(match[1]) for match in found if match[2] != ".json"), default=0)


def check_kept(root: Folder, version: int, newest: int, files_of: FilesOf) -> None:
    """Refuse an old version whose files were removed, as VACUUM does.

    Raises
    ------
    ConfigurationError
        Names a missing file, and the oldest version whose files all exist.
    """
    kept = frozenset(files_of(newest))
    gone = _gone(root, files_of(version), kept)
    if not gone:
        return
    missing, whole = version, newest  # files disappear in the order in which versions removed them
    while whole - missing > 1:
        middle = (missing + whole) // 2
        if _gone(root, files_of(middle), kept):
            missing = middle
        else:
            whole = middle
    raise ConfigurationError(
        f"Version {version} of the Delta table at {root.uri} was cleaned up: its files are gone",
        expected=f"a version from {whole} to {newest}" if whole < newest else f"version {newest}",
        got=f"no file {gone}",
        hint="Leave `table.version` out for the newest, or start again under a new run id.",
    )


def _gone(root: Folder, files: Sequence[str], kept: frozenset[str]) -> str | None:
    """Return a file of a version that no longer exists; the newest version's files are not checked.

    Files outside the folder, as in a shallow clone, belong to another table.
    """
    start = f"{root.uri.rstrip('/')}/"
    old = [path for path in files if path not in kept and path.startswith(start)]
    looked = old[:: -(-len(old) // _LOOKS)] if old else []
    infos = root.filesystem.get_file_info([Folder(path).path for path in looked])
    missing = (
        path for path, info in zip(looked, infos, strict=True) if info.type == FileType.NotFound
    )
    return next(missing, None)
