"""The candidates of a search: a grid around the task, and one change at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from petafit.config.searching import Searching
from petafit.config.settings import LearnerChoice
from petafit.errors import ConfigurationError
from petafit.racing.candidate import Candidate

_MOST = 256
MOST_BITS = 30
"""The most hash bits that a task may have."""


@dataclass(frozen=True)
class Removal:
    """A group of features, or a cross, that a task can do without.

    Attributes
    ----------
    name : str
    features : frozenset of int
        Their positions.
    declared : list
        The groups that remain, as a task file has them.
    """

    name: str
    features: frozenset[int]
    declared: list[Any]


def propose(
    searching: Searching,
    choices: Sequence[LearnerChoice],
    *,
    hash_bits: int,
    removals: Sequence[Removal] = (),
    penalised: bool = True,
) -> list[Candidate]:
    """Return the candidates, the task as it is among them.

    Parameters
    ----------
    choices : sequence of LearnerChoice
        The task's learner, then others; each with a number as its learning rate, if it has one.
    penalised : bool
        The task's learner has penalties.

    Raises
    ------
    ConfigurationError
        There is only one, or there are too many.
    """
    first, *others = choices
    found: dict[str, Candidate] = {}

    def add(name: str, choice: LearnerChoice, bits: int = hash_bits, **own: Any) -> None:
        found.setdefault(name, Candidate(name, choice, bits, **own))

    add(AS_IT_IS, first, changes=_learner(first))
    for l1, l2 in product(searching.l1, searching.l2) if penalised else [(None, None)]:
        for factor in searching.rates:
            choice = _with(first, factor, l1=l1, l2=l2)
            if choice.params != first.params:
                add(_name(factor, l1=l1, l2=l2), choice, changes=_learner(choice))
    for bits in searching.hash_bits:
        changes = {**_learner(first), "hash_bits": bits}
        if bits != hash_bits:
            add(f"hash_bits {bits}", first, bits, changes=changes)
    for removal in removals:
        changes = {**_learner(first), "features": removal.declared}
        add(f"without {removal.name}", first, without=removal.features, changes=changes)
    for other in others:
        short = other.name.rpartition(".")[2]
        for factor in searching.rates if "learning_rate" in other.params else (1.0,):
            choice = _with(other, factor, l1=None, l2=None)
            name = short if factor == 1 else f"{short}, rate x {factor:g}"
            add(name, choice, changes=_learner(choice))
    if len(found) == 1:
        raise ConfigurationError(
            "The search has nothing to compare the task with",
            hint="Give `search.rates`, `search.l2`, `search.learners` or `search.hash_bits`.",
        )
    if len(found) > _MOST:
        raise ConfigurationError(
            "The search has too many candidates",
            expected=f"at most {_MOST}",
            got=len(found),
            hint="Shorten `search.rates`, `search.l1` or `search.l2`: all are combined.",
        )
    return list(found.values())


AS_IT_IS = "as it is"
"""The name of the candidate that is the task."""


def ablations(
    choice: LearnerChoice, *, hash_bits: int, removals: Sequence[Removal], penalised: bool
) -> list[Candidate]:
    """Return the task as it is, and with each of its parts left out or each knob one step away.

    Parameters
    ----------
    choice : LearnerChoice
        The task's learner, with a number as its learning rate, if it has one.
    penalised : bool
        It has penalties.
    """
    found = [Candidate(AS_IT_IS, choice, hash_bits, changes=_learner(choice))]
    steps: list[tuple[str, dict[str, Any]]] = []
    if "learning_rate" in choice.params:
        steps += [(f"rate x {factor:g}", {"factor": factor}) for factor in (0.5, 2.0)]
    for name, first in (("l1", 1e-5), ("l2", 1e-4)) if penalised else ():
        given = choice.params.get(name)
        own = float(given) if isinstance(given, int | float) else 0.0
        values = (0.0, own / 10, own * 10) if own else (first,)
        steps += [(f"{name} {value:g}", {name: value}) for value in values]
    for title, step in steps:
        own_choice = _with(choice, **{"factor": 1.0, "l1": None, "l2": None, **step})
        found.append(Candidate(title, own_choice, hash_bits, changes=_learner(own_choice)))
    for bits in (hash_bits - 1, hash_bits + 1):
        changes = {**_learner(choice), "hash_bits": bits}
        if 1 <= bits <= MOST_BITS:
            found.append(Candidate(f"hash_bits {bits}", choice, bits, changes=changes))
    for removal in removals:
        changes = {**_learner(choice), "features": removal.declared}
        title = f"without {removal.name}"
        found.append(Candidate(title, choice, hash_bits, removal.features, changes))
    return found


def _with(
    choice: LearnerChoice, factor: float, *, l1: float | None, l2: float | None
) -> LearnerChoice:
    params: dict[str, Any] = dict(choice.params)
    if isinstance(params.get("learning_rate"), int | float):
        params["learning_rate"] = float(f"{factor * params['learning_rate']:.6g}")
    for name, value in (("l1", l1), ("l2", l2)):
        if value is not None and value != params.get(name, 0.0):
            params[name] = value
    return choice.model_copy(update={"params": params})


def _name(factor: float, **penalties: float | None) -> str:
    named = [f"{name} {value:g}" for name, value in penalties.items() if value]
    return ", ".join([*([] if factor == 1 else [f"rate x {factor:g}"]), *named]) or "no penalty"


def _learner(choice: LearnerChoice) -> Mapping[str, Any]:
    return {"learner": {"name": choice.name, "params": dict(choice.params)}}
