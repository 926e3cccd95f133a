"""Categories as codes into texts, the common form for hashing and crossing."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.column_types import is_string
from petafit.features.encoding.numeric import bin_codes, bin_names, numbers
from petafit.features.feature import Binned, Categorical, DatePart, Indicator
from petafit.stream.batches import one_code_a_row
from petafit.table.types import STRINGS

NULL = -1

_TRUE = pa.array(["true"])


@dataclass(frozen=True, slots=True)
class Categories:
    """The category of each row.

    Attributes
    ----------
    codes : ndarray of int32, shape (n_rows,)
        Positions in `texts`; `NULL` for no category.
    texts : pyarrow.StringArray
        Not null at any position that a code refers to.
    """

    codes: np.ndarray
    texts: pa.StringArray

    @classmethod
    def of(cls, column: pa.DictionaryArray) -> "Categories":
        """Convert a column in the form that `coded` returns."""
        return cls(column.indices.fill_null(NULL).to_numpy(), column.dictionary)


def categories(feature: Categorical, column: pa.Array) -> Categories:
    """Return the categories that a feature makes of its column.

    The column's type must fit the feature (`column_types.check_columns`).
    """
    return Categories.of(coded(feature, column))


def coded(feature: Categorical, column: pa.Array) -> pa.DictionaryArray:
    """Return the categories as dictionary<int32, string>, shape (n_rows,); null is no category.

    No code refers to a null of the dictionary; a text may occur in it more than once. Columns that
    are such dictionaries already are returned unchanged.
    """
    match feature:
        case _ if column.type == STRINGS and column.dictionary.null_count == 0:
            return column
        case Binned():
            return _dictionary(pa.array(bin_codes(feature, column)), bin_names(feature))
        case Indicator():
            missing = np.isnan(numbers(column))
            return _dictionary(pa.array(np.zeros(len(column), np.int32), mask=~missing), _TRUE)
        case _ if column.null_count == len(column):
            return pa.nulls(len(column), STRINGS)
        case DatePart():
            return _distinct(_date_part(feature, column))
        case _ if pa.types.is_dictionary(column.type) and column.dictionary.null_count == 0:
            return column.cast(STRINGS)
        case _ if pa.types.is_dictionary(column.type):
            return one_code_a_row(column.dictionary.cast(pa.string()).take(column.indices))
        case _ if is_string(column.type):
            return one_code_a_row(column.cast(pa.string()))
        case _:
            return _distinct(column)


def _distinct(column: pa.Array) -> pa.DictionaryArray:
    """Encode integers and booleans, converting only distinct values to text."""
    encoded = column.dictionary_encode()
    return _dictionary(encoded.indices, encoded.dictionary.cast(pa.string()))


def _dictionary(codes: pa.Int32Array, texts: pa.StringArray) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(codes, texts, safe=False)


_PARTS = {
    "year": pc.year,
    "month": pc.month,
    "day": pc.day,
    "day_of_week": pc.day_of_week,
    "hour": pc.hour,
    "minute": pc.minute,
}


def _date_part(feature: DatePart, column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # Arrow would return the parts of local time, and need a time zone database.
        column = column.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    return _PARTS[feature.part](column)
