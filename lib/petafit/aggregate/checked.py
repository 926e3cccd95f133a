"""Any aggregator behind the data contract: bad rows are counted and left out."""

from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from petafit.aggregate.aggregator import Aggregator
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


@dataclass
class CheckedState:
    """The inner state, and the rows so far."""

    inner: Any
    used: int = 0
    quarantined: int = 0
    example: str | None = None

    def counts(self) -> StateDict:
        return _counts(self.used, self.quarantined, self.example)


class Checked(Aggregator[CheckedState, Any, CheckedResult[Result]]):
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
        self.exact = inner.exact

    def start(self, model: StateDict | None = None) -> CheckedState:
        return CheckedState(self.inner.start(model))

    def reduce(self, state: CheckedState, batch: Any) -> CheckedState:
        validated = self.validator.validate(batch)
        return CheckedState(
            state.inner
            if validated.good is None
            else self.inner.reduce(state.inner, validated.good),
            state.used + validated.rows,
            state.quarantined + validated.quarantined,
            _least(state.example, validated.example),
        )

    def progress(self, state: CheckedState) -> float | None:
        return self.inner.progress(state.inner)

    def lift(self, state: CheckedState) -> StateDict:
        return self.inner.lift(state.inner).prefixed("inner") | state.counts()

    def merge(self, left: StateDict, right: StateDict) -> StateDict:
        merged = self.inner.merge(left.part("inner"), right.part("inner"))
        return merged.prefixed("inner") | _counts(
            left.params["used"] + right.params["used"],
            left.params["quarantined"] + right.params["quarantined"],
            _least(left.params["example"], right.params["example"]),
        )

    def finish(self, summary: StateDict, model: StateDict | None = None) -> CheckedResult[Result]:
        counts = {name: summary.params[name] for name in ("used", "quarantined", "example")}
        if not counts["used"]:
            raise NoGoodRowsError(counts["quarantined"], counts["example"])
        return CheckedResult(self.inner.finish(summary.part("inner"), model), **counts)

    def dump(self, state: CheckedState) -> StateDict:
        return self.inner.dump(state.inner).prefixed("inner") | state.counts()

    def load(self, dumped: StateDict) -> CheckedState:
        counts = {name: dumped.params[name] for name in ("used", "quarantined", "example")}
        return CheckedState(self.inner.load(dumped.part("inner")), **counts)


def _counts(used: int, quarantined: int, example: str | None) -> StateDict:
    return StateDict(params={"used": used, "quarantined": quarantined, "example": example})


def _least(left: str | None, right: str | None) -> str | None:
    """One of two examples, the same in whatever order they come."""
    return min((example for example in (left, right) if example), default=None)
