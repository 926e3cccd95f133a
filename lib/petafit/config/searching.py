"""Settings of `petafit search`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveFloat

from petafit.config.section import Names, Section

_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*(passes|pass|[kM]?\s*rows|h|m|s)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "rows": 1.0, "krows": 1e3, "Mrows": 1e6, "pass": 1.0}

BudgetKind = Literal["seconds", "rows", "pass"]


def budget_of(text: str) -> tuple[BudgetKind, float]:
    """Return the kind and the size of a budget.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> budget_of("10m"), budget_of("5M rows"), budget_of("0.5 passes")
    (('seconds', 600.0), ('rows', 5000000.0), ('pass', 0.5))
    """
    found = _BUDGET.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no budget: 10m, 5M rows or 1 pass are")
    unit = found[2].replace(" ", "").replace("passes", "pass")
    size = float(found[1]) * _UNITS[unit]
    if unit == "pass" and not 0 < size <= 1:
        raise ValueError(f"a search makes at most one pass over the rows, not {found[1]}")
    if size <= 0:
        raise ValueError(f"{text!r} leaves no time to search")
    return ("pass" if unit == "pass" else "rows" if "rows" in unit else "seconds"), size


def _checked(text: str) -> str:
    budget_of(text)
    return text


Penalty = Annotated[float, Field(ge=0)]


class Searching(Section):
    """Scope of `petafit search`."""

    learners: Names | None = Field(
        None,
        description="learners to compare, each first as it is; null: the task's, and petafit's "
        "factorization machine",
    )
    rates: tuple[PositiveFloat, ...] = Field(
        (0.25, 0.5, 1.0, 2.0, 4.0), description="learning rates, as multiples of the task's"
    )
    l2: tuple[Penalty, ...] = Field((0.0, 1e-5, 1e-4, 1e-3), description="penalties to compare")
    l1: tuple[Penalty, ...] = Field((0.0,), description="penalties to compare")
    hash_bits: tuple[Annotated[int, Field(ge=1, le=30)], ...] = Field(
        (), description="others than the task's, one at a time"
    )
    leave_out: bool = Field(
        True, description="compare with the task without each of its groups of features and crosses"
    )
    ablate: bool = Field(
        False,
        description="instead, say what each group, cross and knob of the task is worth: without "
        "it, or one step away, against the task as it is",
    )
    budget: Annotated[str, AfterValidator(_checked)] = Field(
        "1 pass", description="when to end: 10m, 5M rows, or 1 pass over the training rows"
    )
    risk: float = Field(
        0.05, gt=0, lt=1, description="the probability that the best candidate is dropped"
    )
    task_file: str | None = Field(
        None, description="where to write the best task, too; null: in the run folder only"
    )
