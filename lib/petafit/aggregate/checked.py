"""Any aggregator behind the data contract: bad rows are counted and left out."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from petafit.aggregate.aggregator import Aggregator, Composite
from petafit.errors import ContractError
from petafit.store.arrays import StateDict
from petafit.table.contract import ValidatedBatch

Result = TypeVar("Result")


class NoGoodRowsError(ContractError):
    """All rows of a pass break the contract.

    Attributes
    ----------
    quarantined : int
        How many there are.
    example : str or None
        What was wrong with one of them.
    """

    def __init__(self, quarantined: int, example: str | None) -> None:
        self.quarantined, self.example = quarantined, example
        super().__init__(
            f"All {quarantined:,} rows break the contract",
            hint=f"For example: {example}. Mend the table or its `contract`.",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.quarantined, self.example)


class RowValidator(Protocol):
    """Tells the good rows of a batch from the bad ones."""

    def validate(self, batch: Any) -> ValidatedBatch:
        """The good rows, and how many there were of either kind."""


@dataclass(frozen=True)
class CheckedResult(Generic[Result]):
    """The result over the good rows, and the number of rows.

    Attributes
    ----------
    used, quarantined : int
        Rows that met the contract, and rows that did not.
    example : str or None
        What was wrong with one of the latter.
    """

    result: Result
    used: int
    quarantined: int
    example: str | None

    @property
    def counts(self) -> dict[str, int]:
        """The rows as a run's manifest counts them."""
        read = self.used + self.quarantined
        return {"in": read, "used": self.used, "quarantined": self.quarantined}

    def require(self, max_bad_share: float) -> Result:
        """The result, if enough rows were good.

        Raises
        ------
        ContractError
            The share of bad rows is above the limit.
        """
        require_good(self.used, self.quarantined, self.example, max_bad_share)
        return self.result


def require_good(used: int, quarantined: int, example: str | None, max_bad_share: float) -> None:
    """Refuse rows of which too many are bad; see `CheckedResult`."""
    share = quarantined / max(used + quarantined, 1)
    if share > max_bad_share:
        raise ContractError(
            f"{quarantined:,} of {used + quarantined:,} rows break the contract",
            expected=f"at most {max_bad_share:.2%}",
            got=f"{share:.2%}",
            hint=f"For example: {example}. Mend the table or its `contract`.",
        )


class RowCounts(Aggregator[StateDict, ValidatedBatch, StateDict]):
    """The rows that met the contract and those that did not, with an example of the latter."""

    def start(self, model: StateDict | None = None) -> StateDict:
        return _counts(0, 0, None)

    def reduce(self, state: StateDict, batch: ValidatedBatch) -> StateDict:
        return self.merge(state, _counts(batch.rows, batch.quarantined, batch.example))

    def lift(self, state: StateDict) -> StateDict:
        return state

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        ours, theirs = left.params, right.params
        examples = (each["example"] for each in (ours, theirs) if each["example"])
        return _counts(
            ours["used"] + theirs["used"],
            ours["quarantined"] + theirs["quarantined"],
            min(examples, default=None),  # the same in whatever order they come
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> StateDict:
        return summary


class Checked(Composite[Any, CheckedResult[Result]]):
    """An aggregator that sees only rows which meet the contract.

    Parameters
    ----------
    validator : RowValidator
        Splits every batch into good rows and bad ones: `petafit.table.contract.Checks` for raw
        batches.
    inner : Aggregator
        Aggregates the good ones.
    """

    def __init__(self, validator: RowValidator, inner: Aggregator[Any, Any, Result]) -> None:
        self.validator = validator
        self.inner = inner
        self.rows = RowCounts()
        super().__init__({"inner": inner, "rows": self.rows})

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        return {"inner": self.inner.start(model), "rows": self.rows.start()}

    def reduce(self, state: dict[str, Any], batch: Any) -> dict[str, Any]:
        validated = self.validator.validate(batch)
        inner = state["inner"]
        if validated.good is not None:
            inner = self.inner.reduce(inner, validated.good)
        return {"inner": inner, "rows": self.rows.reduce(state["rows"], validated)}

    def finish(self, summary: StateDict, model: StateDict | None = None) -> CheckedResult[Result]:
        rows = summary.part("rows").params
        if not rows["used"]:
            raise NoGoodRowsError(rows["quarantined"], rows["example"])
        return CheckedResult(self.inner.finish(summary.part("inner"), model), **rows)


def _counts(used: int, quarantined: int, example: str | None) -> StateDict:
    return StateDict(params={"used": used, "quarantined": quarantined, "example": example})
