"""Parquet tables: a file, a folder of files, or folders named ``column=value``."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ContractError, EmptyInputError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.columns import Spellings, footer_schema
from petafit.table.parquet.column_chunks import stored_as_dictionaries
from petafit.table.parquet.footer import read_footer
from petafit.table.parquet.listing import list_files
from petafit.table.partitions import NULL_FOLDER
from petafit.table.snapshot import DataFile, Snapshot, spread

_INTEGER = re.compile(r"-?\d{1,18}")
_BUFFER_BYTES = 1 << 20
_LOOKS = 16
"""Number of files examined for columns that the first lacks, or has without a value."""

_NULL_FIXED_LIST = "Expected all lists to be of size"
"""What pyarrow says before version 26 (its issue 35692)."""

UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError)
"""Exceptions for damaged files: names may not be text, and sizes may exceed memory."""


def open_parquet(uri: str) -> Snapshot:
    """Pin the current files of a Parquet table; the columns are those of the first file.

    `petafit.table.parquet.listing.list_files` defines the files.

    Raises
    ------
    EmptyInputError
        There are no files.
    ConfigurationError
        The files belong to a table of another format.
    StorageError
        The folder cannot be listed, holds other files, or the first file cannot be read.
    ContractError
        Some files are partitioned by other columns than the rest.
    """
    root = Folder(uri)
    found = list_files(root)
    if not found:
        raise EmptyInputError(
            f"There are no Parquet files in {root.uri}",
            hint="Names that start with _ or . are not counted.",
        )
    columns = _partition_columns(root, [relative for relative, _ in found])
    files = tuple(
        DataFile(
            path=root.child(relative).uri if relative else root.uri,
            size=size,
            rows=None,
            partition={name: values[i].as_py() for name, values in columns.items()},
        )
        for i, (relative, size) in enumerate(found)
    )
    stored, only_later = _stored_columns(files)
    folders = Spellings(columns)
    fields = [field for field in stored if not folders.alike(field.name)]
    fields += [pa.field(name, values.type) for name, values in columns.items()]
    return Snapshot(
        uri=root.uri,
        format="parquet",
        version=None,
        schema=pa.schema(fields),
        partition_columns=tuple(columns),
        files=files,
        only_later=tuple(name for name in only_later if not folders.alike(name)),
    )


def _stored_columns(files: Sequence[DataFile]) -> tuple[pa.Schema, list[str]]:
    """Return the columns of the first file, and those found only in others, of a few examined.

    A column without values in the first file has no type there: it gets that of another file.
    """
    first, *others = map(_columns_of, spread(files, _LOOKS))
    untyped = {field.name for field in first if pa.types.is_null(field.type)}
    typed = {
        field.name: field
        for found in (others if untyped else ())
        for field in found
        if field.name in untyped and not pa.types.is_null(field.type)
    }
    schema = pa.schema([typed.get(field.name, field) for field in first])
    known = Spellings(first.names)
    names = dict.fromkeys(name for found in others for name in found.names)
    return schema, [name for name in names if not known.alike(name)]


def _columns_of(file: DataFile) -> pa.Schema:
    with open_file(file.path, size=file.size) as opened:
        schema = footer_schema(opened.footer)
    refuse_repeated(schema.names, file.path)
    return schema


def refuse_repeated(names: Sequence[str], path: str) -> None:
    """Refuse a file with two columns of the same name, which would be ambiguous.

    Raises
    ------
    ContractError
        Names the file and the column.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ContractError(
            f"{path} has two columns {repeated[0]!r}",
            expected="each name once",
            hint="Rename one of them where the file is written.",
        )


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A Parquet file, as pyarrow's reader and as bytes.

    Attributes
    ----------
    dictionaries : tuple of str
        The requested columns that are dictionary-encoded. pyarrow decodes them to texts: it would
        not check indices that it returns unchanged.
    """

    parquet: pq.ParquetFile
    stream: pa.NativeFile
    is_local: bool
    dictionaries: tuple[str, ...]

    @property
    def footer(self) -> pq.FileMetaData:
        """The file's metadata."""
        return self.parquet.metadata


@contextmanager
def open_file(path: str, *, size: int, dictionaries: Sequence[str] = ()) -> Iterator[OpenFile]:
    """Open a Parquet file; pages with checksums are verified.

    Column chunks of local files are read through a small buffer; those on object stores are fetched
    a row group at a time, in few requests.

    Parameters
    ----------
    size : int
        Size in bytes when the table was pinned.
    dictionaries : sequence of str
        Columns to name in `OpenFile.dictionaries` if the file dictionary-encodes them as strings;
        letter case of names is ignored.

    Raises
    ------
    StorageError
        The file is missing, truncated, changed or not Parquet.
    """
    location = Folder(path)
    try:
        stream = location.filesystem.open_input_file(location.path)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from error
    with stream:
        if stream.size() != size:
            raise StorageError(
                f"{path} changed after the table was pinned",
                expected=f"{size} bytes",
                got=f"{stream.size()} bytes",
                hint="Start again under a new run id, when nothing writes to the table.",
            )
        try:
            footer = read_footer(stream, path)
            stored = footer_schema(footer)
            wanted = {name.lower() for name in dictionaries}
            strings = [
                field.name
                for field in stored
                if field.name.lower() in wanted and pa.types.is_string(field.type)
            ]
            coded = stored_as_dictionaries(footer, strings)
            file = pq.ParquetFile(
                stream,
                metadata=footer,
                coerce_int96_timestamp_unit="us",
                page_checksum_verification=True,
                pre_buffer=not location.is_local,
                buffer_size=_BUFFER_BYTES if location.is_local else 0,
            )
        except UNREADABLE as error:
            raise unreadable(path, error) from error
        yield OpenFile(file, stream, location.is_local, tuple(coded))


def unreadable(path: str, error: Exception) -> StorageError:
    """Return the error for a file that pyarrow cannot read."""
    hint = "It is damaged, still being written, removed meanwhile, or of another format."
    if _NULL_FIXED_LIST in str(error):
        hint = "Null lists of a fixed size need pyarrow 26: install it, or leave the column out."
    return StorageError(
        f"{path} cannot be read as Parquet", got=str(error).rstrip(". \n"), hint=hint
    )


def _partition_columns(root: Folder, relatives: Sequence[str]) -> dict[str, pa.Array]:
    """Return the partition columns, in the folders' order, with their value for every file."""
    texts = [partition_texts(relative) for relative in relatives]
    names = list(texts[0])
    for relative, text in zip(relatives, texts, strict=True):
        if [name.lower() for name in text] != [name.lower() for name in names]:
            raise ContractError(
                f"{root.uri}/{relative} is not partitioned like the files before it",
                expected=f"folders for {names}",
                got=f"folders for {list(text)}",
                hint="Move the file into such folders, or out of the table.",
            )
    values = zip(*(text.values() for text in texts), strict=True)
    return {name: _typed(of_files) for name, of_files in zip(names, values, strict=True)}


def partition_texts(relative: str) -> dict[str, str | None]:
    """Return partition columns and values, as text, from the folders in a file's path."""
    folders = (part.partition("=") for part in relative.split("/")[:-1] if "=" in part)
    return {
        unquote(name): None if value == NULL_FOLDER else unquote(value)
        for name, _, value in folders
    }


def _typed(texts: Sequence[str | None]) -> pa.Array:
    """Convert to integers if every value is one, else keep text, like pyarrow's datasets."""
    if not all(text is None or _INTEGER.fullmatch(text) for text in texts) or not any(texts):
        return pa.array(texts, pa.string())
    numbers = pa.array([None if text is None else int(text) for text in texts], pa.int64())
    try:
        return numbers.cast(pa.int32())
    except pa.ArrowInvalid:
        return numbers
