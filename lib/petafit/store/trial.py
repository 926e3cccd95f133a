"""A trial of a folder: whether this process may write, read and remove there."""

import uuid

from petafit.errors import PetafitError
from petafit.store.filesystem import Folder


def trial(uri: str) -> str:
    """Write a small file, read it and remove it; returns what failed, or an empty text.

    Examples
    --------
    >>> trial("/dev/null/nowhere").startswith("Cannot write")
    True
    """
    name, content = f"petafit-doctor-{uuid.uuid4().hex}", b"petafit"
    try:
        folder = Folder(uri)
        existed = folder.exists()
        folder.write(name, content, durable=False)
        back = folder.read(name)
        folder.remove(name)
        if not existed:
            folder.remove()
    except PetafitError as error:
        return str(error)
    return "" if back == content else f"{uri} gives back other bytes than were written"
