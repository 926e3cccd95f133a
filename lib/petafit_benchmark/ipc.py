"""How both processes of a measurement find a contender, and what they leave for each other."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast

from petafit.errors import ConfigurationError, did_you_mean
from petafit_benchmark.contender import Contender, ContenderRun, Spec

_CONTENDERS = "petafit_benchmark.contenders"


def load_contender(name: str) -> Contender:
    """A contender's module: one of petafit's own, or any other by its dotted name.

    Raises
    ------
    ConfigurationError
        There is no such module.
    """
    path = name if "." in name else f"{_CONTENDERS}.{name}"
    try:
        return cast(Contender, import_module(path))
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        found = iter_modules(import_module(_CONTENDERS).__path__)
        known = [module.name for module in found if module.name != "__main__"]
        hint = did_you_mean(name, known)
        raise ConfigurationError(f"There is no contender {name!r}", hint=hint) from error


def write(path: str | Path, told: Sequence[Spec] | Sequence[ContenderRun]) -> None:
    """Leave specs or results for the other process."""
    Path(path).write_text(json.dumps([asdict(one) for one in told], indent=2))


def read_specs(path: str | Path) -> list[Spec]:
    """What is to be done."""
    return [Spec.from_json(told) for told in _read(path)]


def read_trained(path: str | Path) -> list[ContenderRun]:
    """What was done."""
    return [ContenderRun.from_json(told) for told in _read(path)]


def _read(path: str | Path) -> list[dict[str, Any]]:
    return list(json.loads(Path(path).read_text()))
