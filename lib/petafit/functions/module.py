"""A module of functions: loaded from its file, identified by its digest, sent by its text."""

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pyarrow as pa

from petafit.errors import ConfigurationError
from petafit.functions.function import Function
from petafit.store.arrays import digest


@dataclass(frozen=True)
class FunctionModule:
    """The functions of a Python file.

    A worker, which may lack the file, runs its text: the module can import packages, but not its
    neighbours.

    Attributes
    ----------
    path : str
        Where the file lies; for messages and tracebacks.
    text : str
    """

    path: str
    text: str

    @classmethod
    def read(cls, path: str) -> "FunctionModule":
        """Read and run a file.

        Raises
        ------
        ConfigurationError
            It cannot be read or run, or declares no function.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"The functions in {path} cannot be read",
                got=str(error),
                hint="Set `functions` to a Python file beside the task's.",
            ) from error
        module = cls(path, text)
        if not module.functions:
            raise ConfigurationError(
                f"{path} declares no function", hint="Decorate one with `@petafit.function(...)`."
            )
        return module

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return digest(self.text.encode())

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """All functions declared in the file, by name."""
        return _declared(self.path, self.text)

    def derivable(self, schema: pa.Schema) -> dict[str, Function]:
        """The functions whose inputs are columns of a table that has no column of their name."""
        names = set(schema.names)
        return {
            name: each
            for name, each in self.functions.items()
            if name not in names and names.issuperset(each.inputs)
        }

    def __reduce__(self) -> tuple[type["FunctionModule"], tuple[str, str]]:
        return FunctionModule, (self.path, self.text)


@lru_cache(maxsize=8)
def _declared(path: str, text: str) -> Mapping[str, Function]:
    module = types.ModuleType(Path(path).stem)
    module.__file__ = path
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except Exception as error:
        raise ConfigurationError(
            f"The functions in {path} cannot be loaded", got=f"{type(error).__name__}: {error}"
        ) from error
    return {each.name: each for each in vars(module).values() if isinstance(each, Function)}
