"""Columns' names, matched as Spark and Delta match them: without regard to letter case."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from petafit.errors import ContractError


class Spellings:
    """Names as one table, file or frame spells them.

    Parameters
    ----------
    names : iterable of str

    Examples
    --------
    >>> Spellings(["id", "Amount"]).find("AMOUNT")
    'Amount'
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._known = dict.fromkeys(names)
        self._alike: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._known:
            self._alike[name.lower()].append(name)

    def find(self, name: str) -> str | None:
        """The name that is meant: the same, else the one that differs in letter case only.

        Raises
        ------
        ContractError
            Several differ from it in letter case only.
        """
        if name in self._known:
            return name
        alike = self.alike(name)
        if len(alike) > 1:
            raise ContractError(
                f"The name {name!r} may mean several columns",
                expected=f"one of {', '.join(map(repr, alike))}",
                hint="They differ in letter case only: name one as it is spelled.",
            )
        return alike[0] if alike else None

    def alike(self, name: str) -> tuple[str, ...]:
        """All names that equal this one without regard to letter case."""
        return tuple(self._alike.get(name.lower(), ()))

    @property
    def twins(self) -> tuple[str, ...]:
        """The first two names that differ in letter case only; none where no two do."""
        return next((tuple(names[:2]) for names in self._alike.values() if len(names) > 1), ())

    def renamed_to(self, names: Iterable[str]) -> Mapping[str, str]:
        """By the name here, how it is spelled there, where that differs; raises like `find`.

        A name that is there in both spellings stays.
        """
        there = dict.fromkeys(names)
        found = ((self.find(name), name) for name in there)
        return {here: name for here, name in found if here not in there and here is not None}
