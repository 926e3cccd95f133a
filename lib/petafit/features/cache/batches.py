"""Encoded batches on the local disk, so that later passes need not decode the table again."""

import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import pyarrow as pa

from petafit.features.cache.files import BatchFile, BatchWriter
from petafit.features.encoding.batch import Batch

log = logging.getLogger("petafit")

_STALE_SECONDS = 24 * 3600
_MEASURED_ANEW = 64
"""A process looks at all files again after each 64th of the limit that it has written itself."""


@dataclass(frozen=True)
class InstanceCache:
    """Files of encoded batches, one for each piece of a shard that this machine has read.

    A file gets its name when it is whole, so that tasks working on one shard at the same
    time do not disturb each other. Once the files of a run have reached the limit, further pieces
    are not kept; they are decoded in every pass.

    Attributes
    ----------
    name : str
        Of the folder; equal names stand for equal batches.
    limit : int
        The bytes that all files may take on each machine. Each process counts its own and looks at
        those of others now and then: by each of them the limit may be exceeded by a 64th.
    root : str or None
        A local folder; None takes Spark's own on an executor, else the temporary folder.
    """

    name: str
    limit: int
    root: str | None = None

    @property
    def folder(self) -> Path:
        """Where the files are on this machine."""
        return Path(self.root or _scratch()) / "petafit-cache" / self.name

    def find(self, shard: int, piece: int) -> Iterator[Batch] | None:
        """The batches of a piece of a shard, mapped into memory; None if they were not kept."""
        path = self._path(shard, piece)
        try:
            found = BatchFile(path).batches()
            os.utime(self.folder)  # in use: see `_make_folder`
            return found
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            log.warning("the instance cache %s is damaged and left out: %s", path, error)
            path.unlink(missing_ok=True)
            return None

    def keep(self, shard: int, piece: int, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Hand batches on, and keep them if all of them fit."""
        path = self._path(shard, piece)
        if path.with_suffix(".skipped").exists():
            yield from batches
            return
        self._make_folder()
        with BatchWriter(path.with_suffix(f".{uuid.uuid4().hex}.draft")) as writer:
            fits = True
            for batch in batches:
                fits = fits and self._written(writer, batch)
                yield batch
            if fits:
                writer.publish(path)
            else:
                path.with_suffix(".skipped").touch()

    def remove(self) -> None:
        """Take all files of this machine away."""
        _usage.pop(self.folder, None)
        rmtree(self.folder, ignore_errors=True)

    def _written(self, writer: BatchWriter, batch: Batch) -> bool:
        """Whether a batch still had room; if not, all of its file makes room."""
        usage = _usage.setdefault(self.folder, _Usage(self.folder))
        try:
            usage.add(writer.write(batch), self.limit)
            if usage.total <= self.limit:
                return True
            log.info("the instance cache has reached its limit of %d bytes", self.limit)
        except OSError as error:
            log.warning("the instance cache cannot be written: %s", error)
        usage.total -= writer.size
        writer.discard()
        return False

    def _path(self, shard: int, piece: int) -> Path:
        return self.folder / f"shard-{shard:06d}-{piece:02d}.arrow"

    def _make_folder(self) -> None:
        """Make the folder, and remove those that killed runs have left behind.

        A folder's time is that of its last use, not of its making: runs may take longer than a day.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(self.folder)
        for other in self.folder.parent.iterdir():
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > _STALE_SECONDS:
                    rmtree(other, ignore_errors=True)


@dataclass
class _Usage:
    """The bytes of a folder's files, as far as this process knows.

    Attributes
    ----------
    total : int
    unlooked : int
        How much of it this process has written since it looked at all files; -1 before it has.
    """

    folder: Path
    total: int = 0
    unlooked: int = -1

    def add(self, written: int, limit: int) -> None:
        """Count what this process has written to a file in the folder."""
        self.total += written
        if 0 <= self.unlooked <= limit // _MEASURED_ANEW:
            self.unlooked += written
            return
        self.total = self.unlooked = 0
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError):  # a draft that got its name, or is gone
                self.total += entry.stat().st_size


_usage: dict[Path, _Usage] = {}


def _scratch() -> str:
    """Spark's local folder, which the cluster removes with the application, or the system's."""
    spark = os.environ.get("SPARK_LOCAL_DIRS") or os.environ.get("LOCAL_DIRS") or ""
    return spark.split(",")[0] or tempfile.gettempdir()
