"""Categories as codes into texts: the one form that is hashed and crossed."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from petafit.features.column_types import is_string
from petafit.features.feature import Binned, Categorical, DatePart, Indicator
from petafit.features.numeric import bin_codes, bin_names, numbers

NULL = -1

_NO_TEXTS = pa.array([], pa.string())
_TRUE = pa.array(["true"])


@dataclass(frozen=True, slots=True)
class Categories:
    """One category a row.

    Attributes
    ----------
    codes : ndarray of int32, shape (n_rows,)
        Positions in `texts`; `NULL` is no category.
    texts : pyarrow.StringArray
        Without nulls where a code points.
    """

    codes: np.ndarray
    texts: pa.StringArray


def categories(feature: Categorical, column: pa.Array) -> Categories:
    """The categories a feature makes of its column.

    The column's type must fit the feature (`column_types.check_columns`).
    """
    match feature:
        case Binned():
            return Categories(bin_codes(feature, column), bin_names(feature))
        case Indicator():
            missing = np.isnan(numbers(column))
            return Categories(np.where(missing, 0, NULL).astype(np.int32), _TRUE)
        case _ if column.null_count == len(column):
            return Categories(np.full(len(column), NULL, np.int32), _NO_TEXTS)
        case DatePart():
            return _distinct(_date_part(feature, column))
        case _ if pa.types.is_dictionary(column.type):
            return _dictionary(column)
        case _ if is_string(column.type):
            return _one_text_a_row(column.cast(pa.string()))
        case _:
            return _distinct(column)


def _dictionary(column: pa.DictionaryArray) -> Categories:
    texts = column.dictionary.cast(pa.string())
    if texts.null_count:
        return _one_text_a_row(texts.take(column.indices))
    return Categories(_codes(column.indices), texts)


def _one_text_a_row(texts: pa.StringArray) -> Categories:
    codes = np.arange(len(texts), dtype=np.int32)
    if texts.null_count:
        codes[texts.is_null().to_numpy(zero_copy_only=False)] = NULL
    return Categories(codes, texts)


def _distinct(column: pa.Array) -> Categories:
    """Of integers and booleans, whose distinct values alone become text."""
    encoded = column.dictionary_encode()
    return Categories(_codes(encoded.indices), encoded.dictionary.cast(pa.string()))


def _codes(indices: pa.Array) -> np.ndarray:
    codes: np.ndarray = indices.cast(pa.int32()).fill_null(NULL).to_numpy()
    return codes


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
        # Arrow would give the parts of local time, and look for a time zone database
        column = column.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    return _PARTS[feature.part](column)
