"""Comparison of a file with the table's schema and log."""

import unicodedata
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from petafit.errors import ContractError, StorageError, did_you_mean, same_texts
from petafit.stream.nested import inner_types, own_names
from petafit.table.columns import Spellings, canonical, footer_schema
from petafit.table.parquet.snapshot import refuse_repeated
from petafit.table.shards import Slice

_IS = pa.types
_DIGITS = (10, 20)
"""Precision that Spark requires of a decimal to hold 32-bit, and 64-bit, integers."""


def stored(schema: pa.Schema, part: Slice) -> list[pa.Field]:
    """Return the columns that the file itself must have."""
    return [field for field in schema if field.name not in part.partition]


def names_in(names: Sequence[str], part: Slice, schema: pa.Schema) -> Mapping[str, str]:
    """Map the columns of a schema that a file has to their names there.

    Letter case is ignored, unless columns of the table differ in it only.

    Parameters
    ----------
    names : sequence of str
        All names in the file.

    Raises
    ------
    ContractError
        Several of the file's columns match.
    """
    wanted = {column.name: column.name for column in stored(schema, part)}
    own = frozenset(names)
    others = [] if part.exact_names else [name for name in wanted if name not in own]
    try:
        spellings = Spellings(names if others else ())
        wanted |= {name: spellings.find(name) or name for name in others}
    except ContractError as error:
        raise ContractError(
            f"{part.path}: {error.what}", expected=error.expected, hint=error.hint
        ) from error
    return {name: found for name, found in wanted.items() if found in own}


def check_footer(footer: pq.FileMetaData, part: Slice, schema: pa.Schema) -> Mapping[str, str]:
    """Check a footer, and map the columns of a schema that the file has to their names there.

    Raises
    ------
    StorageError
        Its number of rows differs from the log's.
    ContractError
        It lacks a column, has it twice, or in another type than the schema, or several fields of a
        struct match.
    """
    _check_rows(footer, part)
    found = footer_schema(footer)
    present = names_in(found.names, part, schema)
    meant = {*present.values()}
    refuse_repeated([name for name in found.names if name in meant], part.path)
    columns = stored(schema, part)
    others: Mapping[str, str] = {}
    if len(present) < len(columns):
        others = same_texts(name for name in found.names if name not in meant)
    for column in columns:
        if column.name in present:
            _check_type(column, found.field(present[column.name]), part)
        elif alike := others.get(unicodedata.normalize("NFC", column.name)):
            raise _other_form(column, part, got=alike)
        elif not part.absent_is_null:
            hint = did_you_mean(column.name, found.names)
            raise _drift(column, part, got="no such column", hint=hint)
    return present


def _other_form(column: pa.Field, part: Slice, *, got: str) -> ContractError:
    return ContractError(
        f"Column {column.name!r} of {part.path} is named in another Unicode form than the table's",
        expected=ascii(column.name),
        got=ascii(got),
        hint="For Spark, too, these are two columns: write the file anew.",
    )


def _check_rows(footer: pq.FileMetaData, part: Slice) -> None:
    if part.rows not in (None, footer.num_rows):
        raise StorageError(
            f"{part.path} does not hold the rows that the table's log promises",
            expected=f"{part.rows} rows",
            got=f"{footer.num_rows} rows",
        )


def _check_type(column: pa.Field, found: pa.Field, part: Slice) -> None:
    try:
        fits = _fits(found.type, canonical(column.type), part)
    except ContractError as error:
        raise ContractError(
            f"Column {column.name!r} of {part.path}: {error.what}",
            expected=error.expected,
            got=error.got,
            hint=error.hint,
        ) from error
    if not fits:
        raise _drift(column, part, got=found.type)


def _fits(found: pa.DataType, wanted: pa.DataType, part: Slice) -> bool:
    """Return whether a file's values can be read in the table's type, with the same meaning.

    That holds for equal types, a column without any value, timestamps of another unit, narrower
    types, which Spark reads, too, and types nested of these. If the type is from a log, so is
    whether timestamps are in UTC: old writers omitted that in the files.
    """
    if _IS.is_null(found) or found == wanted:
        return True
    if _IS.is_timestamp(found) and _IS.is_timestamp(wanted):
        return part.absent_is_null or bool(found.tz == wanted.tz)
    if _IS.is_struct(found) and _IS.is_struct(wanted):
        return _fields_fit(found, wanted, part)
    inner = list(inner_types(found, wanted))
    return all(_fits(*pair, part) for pair in inner) if inner else _widens(found, wanted)


def _fields_fit(found: pa.StructType, wanted: pa.StructType, part: Slice) -> bool:
    """Return whether the fields of a struct fit, matched by name.

    If the type is from a log, fields may be missing, and there may be others.
    """
    own = own_names(found, wanted, exact=part.exact_names)
    if not part.absent_is_null and not len(own) == found.num_fields == wanted.num_fields:
        return False
    if any(len({field.name for field in kind}) < kind.num_fields for kind in (found, wanted)):
        return False
    return all(_fits(found.field(own[name]).type, wanted.field(name).type, part) for name in own)


def _widens(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Return whether a wider type represents every value of a type."""
    if _IS.is_decimal(found) and _IS.is_decimal(wanted):
        whole = wanted.precision - wanted.scale - (found.precision - found.scale)
        return bool(wanted.scale >= found.scale and whole >= 0)
    if _IS.is_date(found) and _IS.is_timestamp(wanted):
        return wanted.tz is None
    if _IS.is_integer(found) and _IS.is_signed_integer(wanted):
        bits = found.bit_width + _IS.is_unsigned_integer(found)
        return bool(bits <= wanted.bit_width)
    if _IS.is_signed_integer(found):
        if _IS.is_decimal(wanted):
            digits = _DIGITS[found.bit_width > 32]
            return bool(wanted.precision - wanted.scale >= digits)
        return bool(_IS.is_float64(wanted) and found.bit_width <= 32)
    return bool(_IS.is_float32(found) and _IS.is_float64(wanted))


def _drift(column: pa.Field, part: Slice, *, got: object, hint: str = "") -> ContractError:
    what = f"Column {column.name!r} of {part.path} is not as in the rest of the table"
    return ContractError(what, expected=canonical(column.type), got=got, hint=hint)
