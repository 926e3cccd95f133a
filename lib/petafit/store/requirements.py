"""The versions of packages that petafit works with, as its own package declares them."""

import functools
import operator
import re
from collections.abc import Iterable, Iterator
from importlib import metadata

from petafit.errors import ConfigurationError

_COMPARISONS = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(?P<bounds>[^;]*)")
_BOUND = re.compile(r"([<>=]=?)\s*([\d.]+)")


@functools.cache
def require_packages() -> None:
    """Refuse packages that are too old or too new, before one of them is imported.

    Spark is not among them: `petafit.spark.releases` checks the one that is used. Packages without
    metadata are left out, as those are that an archive for workers does not have.

    Raises
    ------
    ConfigurationError
        Names each with the versions that work.
    """
    try:
        declared = metadata.requires("petafit") or ()
    except metadata.PackageNotFoundError:  # sources on the path
        return
    if wrong := [*_wrong(declared)]:
        raise ConfigurationError(
            "This Python has packages that petafit does not work with",
            expected=", ".join(f"{name} {bounds}" for name, bounds, _ in wrong),
            got=", ".join(f"{name} {found}" for name, _, found in wrong),
            hint="Install petafit with its packages into an environment of its own: "
            "`pip install petafit`.",
        )


def _wrong(requirements: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the bounds and the found version of each package that does not fit."""
    for requirement in requirements:
        parts = _REQUIREMENT.match(requirement)
        if parts is None or ";" in requirement:  # of an extra
            continue
        name, bounds = parts["name"], parts["bounds"].strip()
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if not fits(found, bounds):
            yield name, bounds, found


def fits(version: str, bounds: str) -> bool:
    """Return whether a version is within bounds; only its numbers count.

    Examples
    --------
    >>> fits("18.1.0", ">=18.1"), fits("3.0.0rc1", "<3,>=2.2.3"), fits("2.10", "<3,>=2.2.3")
    (True, False, True)
    """
    return all(
        _COMPARISONS[sign](_numbers(version), _numbers(bound))
        for sign, bound in _BOUND.findall(bounds)
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, without zeros at the end, which mean nothing."""
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(number) for number in release[0].split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
