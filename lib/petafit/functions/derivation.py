"""Columns that functions derive from the columns of a batch."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from petafit.errors import ConfigurationError
from petafit.functions.function import TYPES
from petafit.functions.module import FunctionModule


@dataclass(frozen=True)
class Derivation:
    """Columns that batches get beside those of the table.

    Attributes
    ----------
    names : tuple of str
        The functions, whose names are those of the columns.
    """

    module: FunctionModule
    names: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the table that the functions take, each once."""
        taken = (name for each in self.names for name in self.module.functions[each].inputs)
        return tuple(dict.fromkeys(taken))

    @property
    def schema(self) -> pa.Schema:
        """The derived columns."""
        return pa.schema([self.module.functions[name].field for name in self.names])

    @property
    def requirement(self) -> "Requirement":
        """The functions that a model needs which was trained with these columns."""
        kinds = {name: self.module.functions[name].returns for name in self.names}
        return Requirement(kinds, self.module.digest)

    @property
    def identity(self) -> str:
        """Equal for functions that give the same values."""
        return str(self.requirement)

    def stored(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of the table that give these columns, each once."""
        own = [name for name in names if name not in self.names]
        return tuple(dict.fromkeys((*own, *self.inputs)))

    def extend(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch with the derived columns; raises like `Function.apply`."""
        for name in self.names:
            each = self.module.functions[name]
            taken = [batch.column(column) for column in each.inputs]
            batch = batch.append_column(each.field, each.apply(taken))
        return batch


@dataclass(frozen=True)
class Requirement:
    """The functions that a model needs to predict.

    Attributes
    ----------
    columns : mapping of str to str
        Their names, and the types of their columns as Spark SQL names them.
    digest : str
        SHA-256 of their module.
    """

    columns: Mapping[str, str]
    digest: str

    @property
    def schema(self) -> pa.Schema:
        """The derived columns."""
        return pa.schema([(name, TYPES[kind]) for name, kind in self.columns.items()])

    def met_by(self, module: FunctionModule | None) -> Derivation:
        """Return the derivation by the functions of a module.

        Raises
        ------
        ConfigurationError
            There is no module, or it is another one.
        """
        if module is None:
            raise ConfigurationError(
                f"The model needs functions that it does not contain: {', '.join(self.columns)}",
                hint="Name their file: `functions` in the task, or "
                "`petafit.load_model(path, functions='file.py')`.",
            )
        if module.digest != self.digest:
            raise ConfigurationError(
                f"The functions in {module.path} are not those the model was trained with",
                expected=f"a file of digest {self.digest[:12]}",
                got=module.digest[:12],
                hint="Use the file as it was, or train the model again.",
            )
        return Derivation(module, tuple(self.columns))

    def to_plain(self) -> dict[str, Any]:
        """Return what `from_plain` needs, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Requirement":
        """Rebuild what `to_plain` returned."""
        columns = {str(name): str(kind) for name, kind in plain["columns"].items()}
        if unknown := [kind for kind in columns.values() if kind not in TYPES]:
            raise ValueError(f"no type {unknown[0]!r}")
        return cls(columns, str(plain["digest"]))
