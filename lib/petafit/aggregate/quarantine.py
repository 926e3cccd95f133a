"""Rows into two tables: those that meet the contract, and those that do not, with the reason."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Composite
from petafit.aggregate.sink import WriteFiles
from petafit.errors import ContractError
from petafit.store.arrays import StateDict
from petafit.table.contract import Checks
from petafit.table.writers.files import WrittenFile

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
    """

    def __init__(self, checks: Checks, *, good: WriteFiles, bad: WriteFiles) -> None:
        super().__init__({"good": good, "bad": bad})
        self.checks = checks
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
        rest = batch.filter(pc.invert(is_bad))
        return {"good": self.good.reduce(good, rest), "bad": self.bad.reduce(bad, explained)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Sorted:
        return Sorted(self.good.finish(summary.part("good")), self.bad.finish(summary.part("bad")))
