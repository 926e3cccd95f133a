"""Workaround for delta-rs, which misreads the names of some folders."""

import atexit
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder

LOG = "_delta_log"

_MISREAD = re.compile(r"[%\\\[\]^|\x00-\x1f\x7f]")
"""delta-rs 1.6 decodes a path twice, takes a backslash for a slash, and panics at [, ], ^ and |."""


def delta_location(table: Folder) -> str:
    """Return the URI by which delta-rs reads and writes the log of this table, and of no other.

    A local folder whose name delta-rs would misread is replaced by a temporary folder with a link
    to its log, without the data files.

    Raises
    ------
    ConfigurationError
        delta-rs would read another folder, and the filesystem has no links.
    """
    if not _MISREAD.search(table.path):
        return table.uri
    if table.is_local:
        # delta-rs cannot create the log folder through a link
        Path(table.path, LOG).mkdir(parents=True, exist_ok=True)
        return _stand_in(table.path)
    raise ConfigurationError(
        f"The Delta table at {table.uri} cannot be opened: delta-rs would look into another folder",
        expected="a folder whose name has no %, \\, [, ], ^, | or control characters",
        hint="Move the table to another folder.",
    )


@cache
def _stand_in(path: str) -> str:
    """Make the temporary folder for a table, one for each process."""
    folder = tempfile.mkdtemp(prefix="petafit-delta-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, LOG).symlink_to(Path(path, LOG), target_is_directory=True)
    return folder
