"""Where delta-rs finds a table: of some folders' names it makes others."""

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
    """The URI by which delta-rs reads and writes the log of this table, and of no other.

    A local folder whose name delta-rs would misread gets a stand-in: a temporary folder with a link
    to its log. The data files are not in it.

    Raises
    ------
    ConfigurationError
        Delta's log would be looked for in another folder, on a filesystem without links.
    """
    if not _MISREAD.search(table.path):
        return table.uri
    if table.is_local:
        Path(table.path, LOG).mkdir(parents=True, exist_ok=True)  # delta-rs makes none by a link
        return _stand_in(table.path)
    raise ConfigurationError(
        f"The Delta table at {table.uri} cannot be opened: delta-rs would look into another folder",
        expected="a folder whose name has no %, \\, [, ], ^, | or control characters",
        hint="Move the table to another folder.",
    )


@cache
def _stand_in(path: str) -> str:
    """One for a table in each process."""
    folder = tempfile.mkdtemp(prefix="petafit-delta-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Path(folder, LOG).symlink_to(Path(path, LOG), target_is_directory=True)
    return folder
