"""The frozen plan of a run: the slices of each shard, written once and verified by every reader."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import pyarrow as pa

from petafit.errors import StorageError
from petafit.store.arrays import digest
from petafit.store.filesystem import Folder
from petafit.table.shards import Shard, Slice

_SCHEMA = pa.schema([("slices", pa.binary()), ("check", pa.string())])


@dataclass(frozen=True, slots=True)
class Plan:
    """A written plan: an Arrow IPC file with a record batch for each shard, readable on its own.

    A record batch holds the shard's slices, themselves in Arrow's format, and a digest of these,
    of the shard's number and of the plan: a shard that is damaged, or swapped with another,
    is refused.

    Attributes
    ----------
    digest : str
        Digest of all slices, which the plan's creator stores elsewhere.
    """

    folder: Folder
    name: str
    shards: int
    digest: str

    def read(self, shard: int) -> Shard:
        """Read one shard's slices, and only its part of the file.

        Raises
        ------
        StorageError
            The plan is missing, damaged, not the one with this digest, or has no such shard.
        """
        with _opened(self.folder, self.name) as reader:
            content, check = _part(reader, shard)
        if check != _check(self.digest, shard, content):
            raise _changed(self.folder, self.name)
        return _slices(content)


def write_plan(folder: Folder, name: str, shards: Sequence[Shard]) -> Plan:
    """Write a plan; equal shards give the same bytes."""
    contents = [_content(shard) for shard in shards]
    whole = _digest(contents)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA) as writer:
        for number, content in enumerate(contents):
            row = [[content], [_check(whole, number, content)]]
            writer.write_batch(pa.record_batch(row, schema=_SCHEMA))
    folder.write(name, sink.getvalue().to_pybytes())
    return Plan(folder, name, len(shards), whole)


def open_plan(folder: Folder, name: str, expected: str) -> Plan:
    """Open a plan that was written before, and verify all of it.

    Parameters
    ----------
    expected : str
        Its digest when the plan was written.

    Raises
    ------
    StorageError
        The plan is missing or damaged, or not the one with this digest.
    """
    with _opened(folder, name) as reader:
        parts = [_part(reader, number) for number in range(reader.num_record_batches)]
    is_whole = _digest([content for content, _ in parts]) == expected and all(
        check == _check(expected, number, content) for number, (content, check) in enumerate(parts)
    )
    if not is_whole:
        raise _changed(folder, name)
    return Plan(folder, name, len(parts), expected)


def _digest(contents: Sequence[bytes]) -> str:
    return digest("\n".join(map(digest, contents)).encode())


def _check(whole: str, shard: int, content: bytes) -> str:
    return digest(f"{whole} {shard} {digest(content)}".encode())


def _content(shard: Shard) -> bytes:
    columns = {
        field.name: pa.array([getattr(part, field.name) for part in shard])
        for field in fields(Slice)
    }
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _slices(content: bytes) -> Shard:
    with pa.ipc.open_stream(content) as reader:
        return tuple(Slice(**row) for row in reader.read_next_batch().to_pylist())


def _part(reader: pa.RecordBatchFileReader, shard: int) -> tuple[bytes, str]:
    """Return a shard's content and check, which are arbitrary if the file is damaged."""
    batch = reader.get_batch(shard)
    if not batch.schema.equals(_SCHEMA):
        raise pa.ArrowInvalid("it was written by another version of petafit")
    batch.validate(full=True)
    ((content, check),) = zip(*batch.to_pydict().values(), strict=True)
    return content, check


@contextmanager
def _opened(folder: Folder, name: str) -> Iterator[pa.RecordBatchFileReader]:
    location = folder.child(name)
    try:
        with (
            location.filesystem.open_input_file(location.path) as stream,
            pa.ipc.open_file(stream) as reader,
        ):
            yield reader
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StorageError(
            f"The plan {location.uri} cannot be read",
            got=str(error),
            hint="Start the job again under a new run id.",
        ) from error


def _changed(folder: Folder, name: str) -> StorageError:
    return StorageError(
        f"The plan {folder.child(name).uri} is not what was written",
        hint="It was changed or damaged: start the job again under a new run id.",
    )
