"""Structs within columns, whose fields Spark finds by name, whatever the case of their letters."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from petafit.errors import ContractError, same_texts
from petafit.table.columns import Spellings, canonical

_IS = pa.types

Pair = tuple[pa.DataType, pa.DataType]


def own_names(found: pa.StructType, wanted: pa.StructType, *, exact: bool) -> Mapping[str, str]:
    """Map the fields of a table's struct to the file's names, for fields that the file has.

    Parameters
    ----------
    exact : bool
        Names are case-sensitive. They always are if fields of the table's struct differ in letter
        case only.

    Raises
    ------
    ContractError
        Several of the file's fields match, or one has the name in another Unicode form.
    """
    there, names = Spellings(_names(found)), _names(wanted)
    known = {*_names(found)}
    own = {name: name for name in names if name in known}
    exact = exact or bool(Spellings(names).twins)
    for name in [] if exact else names:
        alike = () if name in own else there.alike(name)
        if len(alike) > 1:
            raise ContractError(
                f"Several fields of a struct may be {name!r}",
                got=", ".join(map(repr, alike)),
                hint="They differ in letter case only: write the file anew with one of them.",
            )
        if alike:
            own[name] = alike[0]
    _refuse_other_form(sorted(known.difference(own.values())), [n for n in names if n not in own])
    return own


def _refuse_other_form(left: Sequence[str], missing: Sequence[str]) -> None:
    others = same_texts(left) if missing else {}
    for name in missing:
        if other := others.get(unicodedata.normalize("NFC", name)):
            raise ContractError(
                "A field of a struct is named in another Unicode form than the table's",
                expected=ascii(name),
                got=ascii(other),
                hint="For Spark, too, these are two fields: write the file anew.",
            )


def inner_types(found: pa.DataType, wanted: pa.DataType) -> Iterator[Pair]:
    """Return pairs of two lists' or maps' element types: in the file, and in the table."""
    if _IS.is_list(found) and _IS.is_list(wanted):
        yield found.value_type, wanted.value_type
    if _IS.is_map(found) and _IS.is_map(wanted):
        yield found.key_type, wanted.key_type
        yield found.item_type, wanted.item_type


def twins_within(found: pa.DataType, wanted: pa.DataType) -> tuple[str, ...]:
    """Return fields of a file's struct, at any depth, that Spark confuses with one of the table's.

    Parameters
    ----------
    found, wanted : pyarrow.DataType
        Canonical.
    """
    inner = list(inner_types(found, wanted))
    if _IS.is_struct(found) and _IS.is_struct(wanted):
        there = Spellings(_names(found))
        for field in wanted:
            alike = there.alike(field.name)
            if len(alike) > 1:
                return alike
            inner += [(found.field(name).type, field.type) for name in alike]
    return next((twins for pair in inner if (twins := twins_within(*pair))), ())


def leaf_pairs(found: pa.DataType, wanted: pa.DataType, *, exact: bool) -> Iterator[Pair]:
    """Yield pairs of a file's and a table's value types: the column's own, or nested ones.

    Parameters
    ----------
    found, wanted : pyarrow.DataType
        Canonical.
    exact : bool
        As in `own_names`.
    """
    inner = list(inner_types(found, wanted))
    if _IS.is_struct(found) and _IS.is_struct(wanted):
        own = own_names(found, wanted, exact=exact)
        inner = [(found.field(own[name]).type, wanted.field(name).type) for name in own]
    elif not inner:
        yield found, wanted
    for pair in inner:
        yield from leaf_pairs(*pair, exact=exact)


def own_twins(kind: pa.DataType) -> tuple[str, ...]:
    """Return fields of a struct, at any depth of a type, that differ in letter case only."""
    return twins_within(kind, kind)


def spelled_as(values: pa.Array, kind: pa.DataType, *, exact: bool) -> pa.Array:
    """Rename the fields of a file's structs as in a table's type, without copying.

    Raises
    ------
    ContractError
        As `own_names`.
    """
    if canonical(values.type) == canonical(kind):
        return values
    return pa.array(_Retyped(values, _spelled(values.type, kind, exact)))


def _spelled(found: pa.DataType, wanted: pa.DataType, exact: bool) -> pa.DataType:
    if _IS.is_struct(found) and _IS.is_struct(wanted):
        named = {own: name for name, own in own_names(found, wanted, exact=exact).items()}
        return pa.struct(
            field.with_name(named[field.name]).with_type(
                _spelled(field.type, wanted.field(named[field.name]).type, exact)
            )
            if field.name in named
            else field
            for field in found
        )
    if _IS.is_map(found) and _IS.is_map(wanted):
        key, item = found.key_field, found.item_field
        return pa.map_(
            key.with_type(_spelled(key.type, wanted.key_type, exact)),
            item.with_type(_spelled(item.type, wanted.item_type, exact)),
            found.keys_sorted,
        )
    if (_IS.is_list(found) or _IS.is_large_list(found)) and _IS.is_list(wanted):
        item = found.value_field
        item = item.with_type(_spelled(item.type, wanted.value_type, exact))
        return pa.list_(item) if _IS.is_list(found) else pa.large_list(item)
    return found


def _names(kind: pa.StructType) -> list[str]:
    return [field.name for field in kind]


class _Retyped:
    """Values exported as another type of the same layout, by Arrow's C data interface."""

    def __init__(self, values: pa.Array, kind: pa.DataType) -> None:
        self._values, self._kind = values, kind

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[Any, Any]:
        _, content = self._values.__arrow_c_array__()
        return self._kind.__arrow_c_schema__(), content
