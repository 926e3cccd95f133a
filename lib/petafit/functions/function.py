"""Functions of the user's own: vectorised, declared once, the same in Spark and without it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from petafit.errors import ConfigurationError, ContractError, did_you_mean

TYPES = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
}
"""Types by their names in Spark SQL."""

_SAMPLE_LENGTH = 80

Body = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    """A function from columns to a column.

    Attributes
    ----------
    inputs : tuple of str
        The columns it takes, in order.
    returns : str
        Type of its result, as Spark SQL names it.
    on : {"pandas", "arrow"}
        What it takes and returns: Series or Arrow arrays, each (n_rows,).
    """

    name: str
    body: Body
    inputs: tuple[str, ...]
    returns: str
    on: Literal["pandas", "arrow"] = "pandas"

    @property
    def field(self) -> pa.Field:
        """The column it makes, named like the function."""
        return pa.field(self.name, TYPES[self.returns])

    def __call__(self, *columns: Any) -> Any:
        """Call the function as it was written, as its own tests do."""
        return self.body(*columns)

    def apply(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Compute the column of a batch.

        Parameters
        ----------
        columns : sequence of pyarrow.Array
            The inputs, each (n_rows,).

        Returns
        -------
        pyarrow.Array
            (n_rows,), of type `field.type`.

        Raises
        ------
        ContractError
            The function raised an exception; names the first row that does, and its values.
        ConfigurationError
            It returned another number of rows, or values of another type.
        """
        try:
            made = self.body(*map(self._given, columns))
        except Exception as error:
            raise self._failed(columns, error) from error
        return self._checked(made, len(columns[0]))

    def _given(self, column: pa.Array) -> Any:
        plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        return plain if self.on == "arrow" else plain.to_pandas(date_as_object=False)

    def _checked(self, made: Any, rows: int) -> pa.Array:
        kind = self.field.type
        if not isinstance(made, pa.Array | pa.ChunkedArray | pd.Series | np.ndarray):
            raise self._wrong("a column", f"{type(made).__name__}")
        if len(made) != rows:
            raise self._wrong(f"{rows} rows, as many as it was given", f"{len(made)} rows")
        try:
            if isinstance(made, pa.ChunkedArray):
                made = made.combine_chunks()
            if isinstance(made, pa.Array):
                return made.cast(kind)
            return pa.Array.from_pandas(made, type=kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise self._wrong(
                self.returns, f"{getattr(made, 'dtype', None) or made.type}: {error}"
            ) from error

    def _wrong(self, expected: str, got: str) -> ConfigurationError:
        return ConfigurationError(
            f"The function {self.name!r} did not return what it must",
            expected=expected,
            got=got,
            hint="Correct the function, or what its decorator says that it returns.",
        )

    def _failed(self, columns: Sequence[pa.Array], error: Exception) -> ContractError:
        row, reason = self._first_failure(columns) or (None, error)
        where = "a batch, but on none of its rows alone" if row is None else f"row {row} of a batch"
        values = (
            ""
            if row is None
            else ", ".join(
                f"{name}={column[row].as_py()!r}"
                for name, column in zip(self.inputs, columns, strict=True)
            )
        )
        shown = values if len(values) <= _SAMPLE_LENGTH else f"{values[:_SAMPLE_LENGTH]}..."
        return ContractError(
            f"The function {self.name!r} of {', '.join(self.inputs)} failed on {where}"
            + (f": {shown}" if shown else ""),
            got=f"{type(reason).__name__}: {reason}",
            hint="Let it return null for such values, or leave the rows out with `table.filter`.",
        )

    def _first_failure(self, columns: Sequence[pa.Array]) -> tuple[int, Exception] | None:
        for row in range(len(columns[0])):
            try:
                self.body(*(self._given(column.slice(row, 1)) for column in columns))
            except Exception as error:
                return row, error
        return None


def function(
    *,
    returns: str,
    inputs: Sequence[str] | None = None,
    on: Literal["pandas", "arrow"] = "pandas",
) -> Callable[[Body], Function]:
    """Declare a vectorised function, to be used in queries, features and predictions.

    Parameters
    ----------
    returns : str
        Type of the result, as Spark SQL names it: ``double``, ``bigint``, ``string``, ``boolean``,
        ``int``, ``float``, ``date``, ``timestamp``, ``binary``, ``smallint``, ``tinyint``.
    inputs : sequence of str, optional
        The columns it takes; by default those named like its parameters.
    on : {"pandas", "arrow"}
        Whether it takes and returns pandas Series or Arrow arrays, each (n_rows,).

    Raises
    ------
    ConfigurationError
        An unknown type, or inputs that do not fit the function's parameters.

    Examples
    --------
    >>> @function(returns="double")
    ... def speed(distance: pd.Series, hours: pd.Series) -> pd.Series:
    ...     return distance / hours
    >>> speed.inputs, speed.apply([pa.array([10.0]), pa.array([4.0])]).to_pylist()
    (('distance', 'hours'), [2.5])
    """
    if returns not in TYPES:
        raise ConfigurationError(
            f"A function cannot return {returns!r}", hint=did_you_mean(returns, TYPES)
        )
    if on not in ("pandas", "arrow"):
        raise ConfigurationError("A function works on pandas or on arrow", got=on)

    def declare(body: Body) -> Function:
        named = tuple(inspect.signature(body).parameters)
        taken = named if inputs is None else tuple(inputs)
        if not taken or len(taken) != len(named):
            raise ConfigurationError(
                f"The function {body.__name__!r} takes other columns than it is given",
                expected=f"{len(named)} columns, and at least one",
                got=", ".join(taken) or "none",
                hint="Name an input for each parameter.",
            )
        return Function(body.__name__, body, taken, returns, on)

    return declare
