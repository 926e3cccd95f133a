"""Columns of a table: their names, canonical Arrow types, and how values are compared."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from petafit.errors import ContractError

STRINGS = pa.dictionary(pa.int32(), pa.string())

_IS = pa.types
_BINARY = (_IS.is_large_binary, _IS.is_binary_view, _IS.is_fixed_size_binary)


@lru_cache(maxsize=1024)
def canonical(kind: pa.DataType) -> pa.DataType:
    """Return the canonical type of all of Arrow's variants of a type.

    Examples
    --------
    >>> canonical(pa.dictionary(pa.int8(), pa.large_string()))
    DataType(string)
    >>> canonical(pa.timestamp("ms", "Europe/Berlin"))
    TimestampType(timestamp[us, tz=UTC])
    >>> canonical(pa.struct([pa.field("a", pa.large_string(), nullable=False)]))
    StructType(struct<a: string>)
    >>> canonical(pa.uuid())
    DataType(binary)
    """
    if isinstance(kind, pa.BaseExtensionType):
        return canonical(kind.storage_type)
    if _IS.is_dictionary(kind) or _IS.is_run_end_encoded(kind):
        return canonical(kind.value_type)
    if _IS.is_large_string(kind) or _IS.is_string_view(kind):
        return pa.string()
    if any(fits(kind) for fits in _BINARY):
        return pa.binary()
    # for which Arrow has few compute functions
    if _IS.is_decimal(kind) and kind.bit_width < 128:
        return pa.decimal128(kind.precision, kind.scale)
    if _IS.is_date64(kind):
        return pa.date32()
    if _IS.is_timestamp(kind):
        # files of one table may have either, as in Spark
        unit = "ns" if kind.unit == "ns" else "us"
        return pa.timestamp(unit, None if kind.tz is None else "UTC")
    if _IS.is_struct(kind):
        return pa.struct([(field.name, canonical(field.type)) for field in kind])
    if _IS.is_list(kind) or _IS.is_large_list(kind):
        return pa.list_(pa.field("element", canonical(kind.value_type)))
    if _IS.is_map(kind):
        return pa.map_(canonical(kind.key_type), canonical(kind.item_type))
    return kind


def leaves(kind: pa.DataType) -> Iterator[pa.DataType]:
    """Yield the canonical types of a column's values: its own, or those it nests.

    Examples
    --------
    >>> list(leaves(pa.list_(pa.struct({"a": pa.int8(), "b": pa.large_string()}))))
    [DataType(int8), DataType(string)]
    """
    plain = canonical(kind)
    if not plain.num_fields:
        yield plain
    for number in range(plain.num_fields):
        yield from leaves(plain.field(number).type)


def carried(kind: pa.DataType) -> pa.DataType:
    """Return the type in which batches carry a column: strings as dictionaries, else canonical."""
    plain = canonical(kind)
    return STRINGS if _IS.is_string(plain) else plain


def has_column(schema: pa.Schema, name: str) -> bool:
    """Return whether a schema has a column, in constant time; ``schema.names`` makes a list.

    Examples
    --------
    >>> has_column(pa.schema({"a": pa.string()}), "a")
    True
    """
    return bool(schema.get_all_field_indices(name))


def table_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema by which tables are compared: canonical, nullable, without metadata."""
    return pa.schema([(field.name, canonical(field.type)) for field in schema])


def footer_schema(footer: pq.FileMetaData) -> pa.Schema:
    """Return the `table_schema` of a Parquet file.

    INT96 is Spark's and Hive's type of instants: UTC, converted here to microseconds.
    """
    int96 = {
        column.path
        for column in map(footer.schema.column, range(len(footer.schema)))
        if column.physical_type == "INT96"
    }
    instant = pa.timestamp("us", "UTC")
    return pa.schema(
        [
            (field.name, instant if field.name in int96 else canonical(field.type))
            for field in footer.schema.to_arrow_schema()
        ]
    )


def missing(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return which rows have no value, (n_rows,) boolean: null, and NaN in floating columns.

    Examples
    --------
    >>> missing(pa.array([1.0, float("nan"), None])).to_pylist()
    [False, True, True]
    """
    if isinstance(values, pa.DictionaryArray) and values.dictionary.null_count:
        values = values.dictionary_decode()  # pyarrow 18 takes them for values
    values = comparable(values)
    return pc.is_null(values, nan_is_null=pa.types.is_floating(values.type))


def one_zero(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Replace -0.0 by 0.0, which is equal but has another hash and text."""
    if not pa.types.is_floating(values.type):
        return values
    values = comparable(values)
    return pc.if_else(pc.equal(values, 0.0), pa.scalar(0.0, values.type), values)


def comparable(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Convert values to a type that Arrow can compare: it cannot compare 16-bit floats."""
    return values.cast(pa.float32()) if pa.types.is_float16(values.type) else values


def legible(values: pa.Array) -> pa.StringArray:
    """Convert values to text, replacing bytes that are not UTF-8."""
    texts = values.cast(pa.string())
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.binary()).to_pylist()
        texts = pa.array([None if t is None else t.decode("utf-8", "replace") for t in raw])
    return texts


def as_python(value: pa.Scalar) -> Any:
    """Convert a value to Python's; to text if Python has none, as for years beyond 9999.

    Examples
    --------
    >>> type(as_python(pa.scalar(3_000_000, pa.date32())))
    <class 'str'>
    """
    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return legible(pa.array([value], value.type))[0].as_py()


def present(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values that are not missing, with 0.0 for -0.0."""
    return one_zero(values.filter(pc.invert(missing(values))))


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
