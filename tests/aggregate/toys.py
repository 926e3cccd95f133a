"""Small aggregators and sources whose results are known."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from petafit.aggregate.aggregator import Aggregator
from petafit.errors import ContractError
from petafit.store.arrays import StateDict

SCHEMA = pa.schema([("x", pa.float64())])


class Total(Aggregator[StateDict, pa.RecordBatch, float]):
    """The sum of column x, on top of what the model holds."""

    def start(self, model: StateDict | None = None) -> StateDict:
        return StateDict({"total": np.zeros(1)}, {"batches": 0})

    def reduce(self, state: StateDict, batch: pa.RecordBatch) -> StateDict:
        total = state.arrays["total"] + batch.column("x").to_numpy().sum()
        return StateDict({"total": total}, {"batches": state.params["batches"] + 1})

    def progress(self, state: StateDict) -> float | None:
        return float(state.arrays["total"][0])

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return StateDict(
            {"total": left.arrays["total"] + right.arrays["total"]},
            {"batches": left.params["batches"] + right.params["batches"]},
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> float:
        before = float(model.arrays["total"][0]) if model else 0.0
        return before + float(summary.arrays["total"][0])


@dataclass(frozen=True)
class Lists:
    """A source of given numbers: a list of batches for each shard.

    Attributes
    ----------
    reads : Path or None
        A folder where every batch that is read leaves a file.
    fatal : tuple of int or None
        Shard and batch at which the process is killed, once.
    """

    data: tuple[tuple[tuple[float, ...], ...], ...]
    reads: Path | None = None
    fatal: tuple[int, int] | None = None
    broken: bool = False
    frozen: bool = True
    schema = SCHEMA
    pieces = range(1)

    @property
    def shards(self) -> int:
        return len(self.data)

    @property
    def identity(self) -> str:
        return repr(self.data)

    def read(self, shard: int, *, piece: int = 0, skip: int = 0) -> Iterator[pa.RecordBatch]:
        for number, values in enumerate(self.data[shard]):
            if number < skip:
                continue
            if self.reads:
                if self.fatal == (shard, number) and not (self.reads / "killed").exists():
                    (self.reads / "killed").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                (self.reads / f"{shard}-{number}-{os.getpid()}").touch()
            if self.broken:
                raise ContractError("The shard is broken", expected="numbers", got="letters")
            yield pa.record_batch([pa.array(values, pa.float64())], schema=SCHEMA)


def as_many_rows(shard: int, beat: Callable[[int], None]) -> dict[str, int]:
    """An action that counts as many rows as the number of its shard."""
    beat(shard)
    return {"rows": shard}


def lists(data: Sequence[Sequence[Sequence[float]]], **options: object) -> Lists:
    return Lists(tuple(tuple(map(tuple, shard)) for shard in data), **options)  # type: ignore[arg-type]
