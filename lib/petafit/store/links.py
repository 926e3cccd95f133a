"""Detection of symbolic links that lead out of a folder, to files that petafit did not write."""

import os
from collections.abc import Iterable

from petafit.errors import StorageError
from petafit.store.filesystem import Folder


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
