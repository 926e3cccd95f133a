"""Rows into files, of one table or of two: aggregators whose summary lists what they wrote."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Aggregator, Composite
from petafit.errors import ContractError
from petafit.store.arrays import StateDict
from petafit.store.filesystem import Folder
from petafit.table.contract import Checks
from petafit.table.writers.files import FILE_ROWS, PartitionedWriter, WrittenFile


class WriteFiles(Aggregator[PartitionedWriter, pa.RecordBatch, list[WrittenFile]]):
    """Writes rows as Parquet files in a staging folder; whoever has the result commits them.

    Parameters
    ----------
    staging : Folder
        `Output.staging`.
    partition_by : sequence of str
        As in `Output`.
    drop : collection of str
        Columns that are not written.
    file_rows : int
        Rows that a shard holds back at most.
    """

    exact = False  # the same rows, but other files for other shards

    def __init__(
        self,
        staging: Folder,
        partition_by: Sequence[str] = (),
        *,
        drop: Collection[str] = (),
        file_rows: int = FILE_ROWS,
    ) -> None:
        self.staging = staging
        self.partition_by = tuple(partition_by)
        self.drop = tuple(drop)
        self.file_rows = file_rows

    def start(self, model: StateDict | None = None) -> PartitionedWriter:
        return PartitionedWriter(self.staging, self.partition_by, self.file_rows)

    def reduce(self, state: PartitionedWriter, batch: pa.RecordBatch) -> PartitionedWriter:
        state.write(batch.drop_columns(list(self.drop)))
        return state

    def lift(self, state: PartitionedWriter) -> StateDict:
        return StateDict(params={"files": _listed(state.close())})

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        files = [*left.params["files"], *right.params["files"]]
        return StateDict(params={"files": sorted(files, key=_path)})

    def finish(self, summary: StateDict, model: StateDict | None = None) -> list[WrittenFile]:
        return _files(summary.params["files"])

    def dump(self, state: PartitionedWriter) -> StateDict:
        """The files so far and, as Arrow streams, the rows held back: so that no time of a
        checkpoint decides where one file ends and the next begins."""
        pending = enumerate(state.pending.values())
        return StateDict(
            {f"pending/{number}": _stream(batches) for number, batches in pending},
            {
                "files": _listed(state.files),
                "partitions": [list(values) for values in state.pending],
            },
        )

    def load(self, dumped: StateDict) -> PartitionedWriter:
        state = self.start()
        state.files = _files(dumped.params["files"])
        for number, values in enumerate(dumped.params["partitions"]):
            stream = pa.ipc.open_stream(dumped.arrays[f"pending/{number}"])
            state.pending[tuple(values)] = list(stream)
        return state


def _listed(files: Sequence[WrittenFile]) -> list[dict[str, Any]]:
    return sorted(
        ({**asdict(file), "partition": list(file.partition)} for file in files), key=_path
    )


def _files(listed: Sequence[Mapping[str, Any]]) -> list[WrittenFile]:
    return [WrittenFile(**{**file, "partition": tuple(file["partition"])}) for file in listed]


def _path(file: Mapping[str, Any]) -> str:
    return str(file["path"])


def _stream(batches: Sequence[pa.RecordBatch]) -> np.ndarray:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    return np.frombuffer(sink.getvalue(), dtype=np.uint8)


REASON = "quarantine_reason"


@dataclass(frozen=True)
class Sorted:
    """The files of both tables."""

    good: list[WrittenFile]
    bad: list[WrittenFile]

    @property
    def counts(self) -> dict[str, int]:
        """The rows as a run's manifest counts them."""
        used, quarantined = (sum(file.rows for file in files) for files in (self.good, self.bad))
        return {"in": used + quarantined, "used": used, "quarantined": quarantined}

    def refuse_above(self, max_bad_share: float, where: str) -> None:
        """Refuse too large a share of bad rows.

        Raises
        ------
        ContractError
            Says where they are.
        """
        counts = self.counts
        if counts["quarantined"] > max_bad_share * counts["in"]:
            raise ContractError(
                f"{counts['quarantined']:,} of {counts['in']:,} rows break the contract",
                expected=f"at most {max_bad_share:.2%}",
                hint=f"They are in {where}, each with its reason.",
            )


class Quarantine(Composite[pa.RecordBatch, Sorted]):
    """Writes good rows to one sink, and bad rows with `REASON` to another.

    Parameters
    ----------
    checks : Checks
    good, bad : WriteFiles
    stamp : mapping of str to str
        Columns of bad rows, each with one value.
    """

    def __init__(
        self,
        checks: Checks,
        *,
        good: WriteFiles,
        bad: WriteFiles,
        stamp: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__({"good": good, "bad": bad})
        self.checks = checks
        self.stamp = dict(stamp)
        self.good = good
        self.bad = bad

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {"good": self.good.start(), "bad": self.bad.start()}

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        good, bad = state["good"], state["bad"]
        reasons = self.checks.reasons(batch)
        if reasons is None:
            return {"good": self.good.reduce(good, batch), "bad": bad}
        is_bad = pc.is_valid(reasons)
        explained = batch.append_column(REASON, reasons).filter(is_bad)
        for name, value in self.stamp.items():
            explained = explained.append_column(name, pa.repeat(value, explained.num_rows))
        rest = batch.filter(pc.invert(is_bad))
        return {"good": self.good.reduce(good, rest), "bad": self.bad.reduce(bad, explained)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Sorted:
        return Sorted(self.good.finish(summary.part("good")), self.bad.finish(summary.part("bad")))
