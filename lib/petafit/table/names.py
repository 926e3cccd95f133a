"""Case-insensitive matching of column names, as in Spark and Delta."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from petafit.errors import ContractError


class Spellings:
    """Column names as spelled by one table, file or frame.

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
        """Return the matching name: an equal one, else one that differs only in letter case.

        Raises
        ------
        ContractError
            Several names differ from it in letter case only.
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
        """Return all names that equal this one, ignoring letter case."""
        return tuple(self._alike.get(name.lower(), ()))

    @property
    def twins(self) -> tuple[str, ...]:
        """Return the first two names that differ in letter case only; empty if there are none."""
        return next((tuple(names[:2]) for names in self._alike.values() if len(names) > 1), ())

    def renamed_to(self, names: Iterable[str]) -> Mapping[str, str]:
        """Map names here to their different spelling there; raises like `find`.

        A name that exists there in both spellings is not renamed.
        """
        there = dict.fromkeys(names)
        found = ((self.find(name), name) for name in there)
        return {here: name for here, name in found if here not in there and here is not None}
