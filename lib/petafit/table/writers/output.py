"""An output table: a part, or all of it, is written by workers and committed atomically."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import pyarrow as pa

from petafit.errors import (
    ConfigurationError,
    ConflictError,
    ContractError,
    EmptyInputError,
    StorageError,
)
from petafit.store.filesystem import Folder
from petafit.table.columns import Spellings
from petafit.table.partitions import check_partitioning
from petafit.table.snapshot import Format
from petafit.table.writers.delta_commit import (
    Replacement,
    application,
    commit_files,
    committed_version,
)
from petafit.table.writers.delta_content import check_fits, files_within
from petafit.table.writers.earlier_runs import forget, note, remove_leftovers
from petafit.table.writers.files import WrittenFile
from petafit.table.writers.scope import WHOLE, Scope
from petafit.table.writers.swap import (
    MARK,
    check_fits_files,
    check_replaceable,
    drop_replaced,
    files_in,
    keep_rest,
    mark,
    read_mark,
    roll_back,
    staging_folder,
    steady,
    swap_in,
)
from petafit.table.writers.types import written_schema

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ATTEMPTS = 20


@dataclass(frozen=True)
class Output:
    """A table to be written by workers: unchanged until `commit`, and complete after it.

    Attributes
    ----------
    schema : pyarrow.Schema
        The table's columns, including partition columns.
    key : str
        Identifies this write, in letters, digits, and _ . - within. The same key again resumes an
        interrupted attempt, and does nothing once it is committed.
    scope : Scope
        The part to replace; the rest of the table does not change.
    source : str, optional
        The table from which all rows are derived.
    replaced : frozenset of str, optional
        The files in the scope when the work began, found by `begun`.
    """

    uri: str
    format: Format
    schema: pa.Schema
    key: str
    partition_by: tuple[str, ...] = ()
    scope: Scope = WHOLE
    source: str | None = None
    replaced: frozenset[str] | None = None

    def check(self) -> None:
        """Refuse, before any work is done, an output that could not be committed.

        Raises
        ------
        ConfigurationError
            Names the obstacle.
        """
        if not _KEY.fullmatch(self.key):
            raise ConfigurationError(
                "A table cannot be written under this key",
                expected="letters, digits, and _ . - within",
                got=self.key,
            )
        twins = Spellings(self.schema.names).twins
        if self.format == "delta" and twins:
            raise ConfigurationError(
                f"A Delta table cannot have both columns, and {self.uri} would",
                got=" and ".join(map(repr, twins)),
                hint="Rename one: Delta's names do not differ by letter case.",
            )
        written_schema(self.schema)
        check_partitioning(self.schema, self.partition_by)
        check_replaceable(self._table, self.format)
        if self.scope.is_whole:
            return
        if self.format == "delta":
            check_fits(self._table, self.schema, self.partition_by)
        else:
            check = partial(check_fits_files, self._table, self.schema, self.partition_by)
            steady(self._table, check)

    def clear(self) -> None:
        """Remove leftovers of dead runs, and undo an interrupted swap of this key."""
        remove_leftovers(self._table, self.format, self.key)
        if self.format == "parquet":
            roll_back(self._table, self.key)

    def begun(self, run: str) -> tuple[Self, bool]:
        """Start writing: record the run as owner, and the files to be replaced.

        Parameters
        ----------
        run : str
            URI of the writing run's folder.

        Returns
        -------
        Output
            Refuses to commit if another process changes the files to be replaced from now on.
        bool
            False if an earlier attempt of the run began it, and its files exist.
        """
        is_new = note(self._table, self.format, self.key, run)
        return replace(self, replaced=self._present()), is_new

    @property
    def staging(self) -> Folder:
        """Folder for workers: for Delta within the table, which ignores files not in its log."""
        if self.format == "delta":
            return self._table.child(self.key)
        return staging_folder(self._table, self.key)

    @property
    def is_empty(self) -> bool:
        """Return whether the scope has no files."""
        return not self._present()

    @property
    def is_committed(self) -> bool:
        """Return whether an earlier attempt has committed this key."""
        if self.format == "delta":
            return committed_version(self._table, application(self.key)) is not None
        return bool(read_mark(self._table).get("key") == self.key)

    def commit(self, files: Sequence[WrittenFile]) -> int | None:
        """Replace the scope's content by these files, which are in `staging`.

        Returns
        -------
        int or None
            The version of a Delta table.

        Raises
        ------
        EmptyInputError
            There are no files for a Parquet table.
        ConflictError
            Another process changed the replaced files meanwhile.
        StorageError
            The table cannot be written.
        """
        if self.format == "delta":
            return self._commit_delta(files)
        if not files:
            raise EmptyInputError(f"There are no rows to write to {self.uri}")
        self._check_within(files)
        self._commit_parquet(files)
        return None

    def _commit_delta(self, files: Sequence[WrittenFile]) -> int:
        version = committed_version(self._table, application(self.key))
        if version is None:
            self._check_within(files)
            settled = _settle(self.staging, files)
            mark(self._table, self.key, self._source())
            wanted = Replacement(
                [replace(file, path=f"{self.key}/{file.path}") for file in settled],
                self.schema,
                self.partition_by,
                application(self.key),
                self.scope,
                self.replaced,
            )
            version = commit_files(self._table, wanted)
        forget(self._table, self.format, self.key)
        return version

    def _commit_parquet(self, files: Sequence[WrittenFile]) -> None:
        table = self._table
        roll_back(table, self.key)
        if read_mark(table).get("key") == self.key:
            self.staging.remove()
        else:
            settled = _settle(self.staging, files)
            if not any(self._swapped(settled) for _ in range(_ATTEMPTS)):
                raise ConflictError(
                    f"Other writers to {self.uri} were faster {_ATTEMPTS} times",
                    hint="Run the job again when fewer jobs write to it, or use format: delta.",
                )
        drop_replaced(table, self.key)
        forget(table, self.format, self.key)

    def _swapped(self, settled: Sequence[WrittenFile]) -> bool:
        """Swap in the staged table, with the rest of the old one; False if that has changed."""
        over = read_mark(self._table).get("key")
        if self.replaced is not None and self.replaced != self._present():
            raise ConflictError(
                f"Another job wrote to the same part of {self.uri} while this one worked",
                hint="Its rows are there. Run this job again to replace them.",
            )
        mark(self.staging, self.key, self._source())
        own = {file.path for file in settled}
        kept = keep_rest(self._table, self.staging, self.scope, own)
        return kept and swap_in(self._table, self.key, over)

    def _source(self) -> str | None:
        """Return the table from which all rows are derived after the commit; None if unknown."""
        known = read_mark(self._table)
        same = self.scope.is_whole or not known or known.get("source") == self.source
        return self.source if same else None

    def _present(self) -> frozenset[str]:
        if self.format == "delta":
            return files_within(self._table, self.scope)
        return steady(self._table, partial(files_in, self._table, self.scope))

    def _check_within(self, files: Sequence[WrittenFile]) -> None:
        for file in files:
            values = dict(zip(self.partition_by, file.partition, strict=True))
            if not self.scope.covers(values):
                raise ContractError(
                    f"Rows to be written to {self.uri} are in another partition than is replaced",
                    expected=", ".join(sorted(self.scope.folders)),
                    got=file.path,
                )

    @property
    def _table(self) -> Folder:
        return Folder(self.uri)


def _settle(staging: Folder, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    """Check that all files exist, and remove those of failed attempts.

    Equal rows in two partitions give files of one name, that of their content: it is copied.
    """
    present = {*staging.files()} - {MARK}
    lost = {file.path for file in files} - present
    if lost:
        raise StorageError(
            f"A written file is missing from {staging.uri}",
            got=min(lost),
            hint="Start the job again under a new run id.",
        )
    seen: Counter[str] = Counter()
    settled = []
    for file in sorted(files, key=lambda file: file.path):
        seen[file.path] += 1
        path = file.path
        if seen[path] > 1:
            path = f"{file.path.removesuffix('.parquet')}-{seen[path]}.parquet"
            staging.write(path, staging.read(file.path))
        settled.append(replace(file, path=path))
    for left in present - {file.path for file in settled}:
        staging.remove(left)
    return settled
