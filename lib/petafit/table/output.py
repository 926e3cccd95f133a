"""A table that is replaced at once by the files its workers wrote."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from petafit.errors import ConfigurationError, ContractError, EmptyInputError, StorageError
from petafit.store.filesystem import Folder
from petafit.table.delta_commit import commit_files, committed_version
from petafit.table.files import WrittenFile
from petafit.table.partitions import check_partitioning
from petafit.table.snapshot import Format
from petafit.table.swap import check_replaceable, is_swapped_in, mark, staging_folder, swap_in
from petafit.table.written_types import written_schema

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Output:
    """A table to be written by workers: as it was until `commit`, and all new after it.

    Attributes
    ----------
    schema : pyarrow.Schema
        The table's columns, those it is partitioned by among them.
    key : str
        Names this writing, in letters, digits, and _ . - within. The same key again finishes what
        an interrupted attempt began, and does nothing once it is committed.
    only : mapping of str to str, optional
        Replace the partitions with these values, and leave the others; for Delta tables.
    """

    uri: str
    format: Format
    schema: pa.Schema
    key: str
    partition_by: tuple[str, ...] = ()
    only: Mapping[str, str] | None = None

    def check(self) -> None:
        """Refuse, before any work is done, what could not be committed.

        Raises
        ------
        ConfigurationError
            Says what is in the way.
        """
        if not _KEY.fullmatch(self.key):
            raise ConfigurationError(
                "A table cannot be written under this key",
                expected="letters, digits, and _ . - within",
                got=self.key,
            )
        written_schema(self.schema)
        check_partitioning(self.schema, self.partition_by)
        check_replaceable(Folder(self.uri), self.format)
        if self.only and (self.format != "delta" or not {*self.only} <= {*self.partition_by}):
            raise ConfigurationError(
                f"{self.uri} cannot be replaced in part",
                expected=f"a Delta table partitioned by {', '.join(self.only)}",
            )

    @property
    def staging(self) -> Folder:
        """Where workers write: for Delta in the table, which sees no files but those in its log."""
        table = Folder(self.uri)
        return table.child(self.key) if self.format == "delta" else staging_folder(table, self.key)

    def commit(self, files: Sequence[WrittenFile]) -> int | None:
        """Make these files, which are in `staging`, the table.

        Returns
        -------
        int or None
            The version of a Delta table.

        Raises
        ------
        EmptyInputError
            There is nothing to make a Parquet table of.
        ConflictError
            Somebody else changed the table meanwhile.
        StorageError
            The table cannot be written.
        """
        table = Folder(self.uri)
        if self.format == "delta":
            return self._commit_delta(table, files)
        if not files:
            raise EmptyInputError(f"There are no rows to write to {self.uri}")
        if is_swapped_in(table, self.key):
            self.staging.remove()
        else:
            _settle(self.staging, files)
        swap_in(table, self.key)
        return None

    def _commit_delta(self, table: Folder, files: Sequence[WrittenFile]) -> int:
        application = f"petafit/{self.key}"
        version = committed_version(table, application)
        if version is not None:
            return version
        self._check_within(files)
        mark(table, self.key)
        return commit_files(
            table,
            [replace(f, path=f"{self.key}/{f.path}") for f in _settle(self.staging, files)],
            schema=self.schema,
            partition_by=self.partition_by,
            application=application,
            only=self.only,
        )

    def _check_within(self, files: Sequence[WrittenFile]) -> None:
        for file in files:
            values = dict(zip(self.partition_by, file.partition, strict=True))
            if self.only and not self.only.items() <= values.items():
                raise ContractError(
                    f"Rows to be written to {self.uri} are in another partition than is replaced",
                    expected=dict(self.only),
                    got=values,
                )


def _settle(staging: Folder, files: Sequence[WrittenFile]) -> list[WrittenFile]:
    """The files, all there and the only ones: what failed attempts left is removed.

    Equal rows in two places have become one file, as its name is its content's: it is copied.
    """
    present = {*staging.files()}
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
