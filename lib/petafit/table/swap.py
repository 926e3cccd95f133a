"""Replacing a folder as a whole: the new one is complete before the old one goes."""

from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.snapshot import Format

_MARK = "_petafit.json"


def check_replaceable(table: Folder, format: Format) -> None:
    """Refuse to put a table where it cannot be swapped in, or where something else lies.

    Raises
    ------
    ConfigurationError
        The folder holds a table that petafit did not write or one of the other format, or, for a
        Parquet table, anything else; or the filesystem cannot rename folders.
    """
    names = table.names()
    is_delta = "_delta_log" in names
    parts = [name for name in names if name.endswith(".parquet") or "=" in name]
    if (format == "parquet" and is_delta) or (format == "delta" and parts and not is_delta):
        raise ConfigurationError(
            f"A table of another format lies in {table.uri}",
            expected=format,
            got="delta" if is_delta else "parquet",
            hint="Write to another folder, in the same format, or remove that table first.",
        )
    if (is_delta or parts) and _MARK not in names:
        raise ConfigurationError(
            f"The table at {table.uri} would be replaced, but petafit did not write it",
            hint="Write to another folder, or remove that table first.",
        )
    if format == "delta":
        return
    foreign = [name for name in names if name not in parts and not name.startswith("_")]
    if foreign:
        raise ConfigurationError(
            f"{table.uri} would be replaced, but it is no Parquet table",
            got=f"{foreign[0]!r} in it",
            hint="Write to another folder.",
        )
    if not table.can_rename:
        raise ConfigurationError(
            f"A Parquet table at {table.uri} cannot be replaced at once: an object store has no "
            "rename",
            hint="Use format: delta.",
        )


def mark(table: Folder, key: str) -> None:
    """Say in a table's folder that petafit wrote it, under this key."""
    table.write_json(_MARK, {"key": key})


def staging_folder(table: Folder, key: str) -> Folder:
    """Where the new content is put together, beside the table."""
    parent, name = table.split()
    return parent.child(f"{name}.staging-{key}")


def swap_in(table: Folder, key: str) -> None:
    """Put what is staged under this key, and complete, in the table's place.

    The table is away between two renames. Whoever is interrupted there calls this again.
    """
    parent, name = table.split()
    staged, replaced = f"{name}.staging-{key}", f"{name}.replaced-{key}"
    if parent.exists(staged):
        mark(parent.child(staged), key)
        if table.exists():
            parent.remove(replaced)
            parent.rename(name, replaced)
        parent.rename(staged, name)
    parent.remove(replaced)


def is_swapped_in(table: Folder, key: str) -> bool:
    """Whether the table's content is what was staged under this key."""
    return table.exists(_MARK) and bool(table.read_json(_MARK)["key"] == key)
