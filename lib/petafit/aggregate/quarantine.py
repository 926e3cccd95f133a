"""Rows into two tables: those that meet the contract, and those that do not, with the reason."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Aggregator
from petafit.aggregate.sink import WriteFiles
from petafit.errors import ContractError
from petafit.store.arrays import StateDict
from petafit.table.contract import Checks
from petafit.table.writers.files import PartitionedWriter, WrittenFile

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


State = tuple[PartitionedWriter, PartitionedWriter]


class Quarantine(Aggregator[State, pa.RecordBatch, Sorted]):
    """Writes good rows to one sink, and bad rows with `REASON` to another.

    Parameters
    ----------
    checks : Checks
    good, bad : WriteFiles
    """

    exact = False  # the same rows, but other files for other shards

    def __init__(self, checks: Checks, *, good: WriteFiles, bad: WriteFiles) -> None:
        self.checks = checks
        self.good = good
        self.bad = bad

    def start(self, model: StateDict | None = None) -> State:
        return self.good.start(), self.bad.start()

    def reduce(self, state: State, batch: pa.RecordBatch) -> State:
        good, bad = state
        reasons = self.checks.reasons(batch)
        if reasons is None:
            return self.good.reduce(good, batch), bad
        is_bad = pc.is_valid(reasons)
        explained = batch.append_column(REASON, reasons).filter(is_bad)
        rest = batch.filter(pc.invert(is_bad))
        return self.good.reduce(good, rest), self.bad.reduce(bad, explained)

    def lift(self, state: State) -> StateDict:
        return _join(self.good.lift(state[0]), self.bad.lift(state[1]))

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        return _join(
            self.good.merge(left.part("good"), right.part("good")),
            self.bad.merge(left.part("bad"), right.part("bad")),
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Sorted:
        return Sorted(self.good.finish(summary.part("good")), self.bad.finish(summary.part("bad")))

    def dump(self, state: State) -> StateDict:
        return _join(self.good.dump(state[0]), self.bad.dump(state[1]))

    def load(self, dumped: StateDict) -> State:
        return self.good.load(dumped.part("good")), self.bad.load(dumped.part("bad"))


def _join(good: StateDict, bad: StateDict) -> StateDict:
    return good.prefixed("good") | bad.prefixed("bad")
