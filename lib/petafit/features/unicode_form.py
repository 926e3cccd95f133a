"""Unicode normalization of texts, so that equal-looking texts are equal."""

import unicodedata
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.errors import ContractError, same_texts
from petafit.features.buffers import place_of

_COMPOSES = pc.utf8_normalize(pa.array(["e\u0301"]), form="NFC")[0].as_py() == "\u00e9"
"""Arrow composes letters in NFC and NFKC; that of pyarrow 18 does not."""


def normalized(texts: pa.Array, form: UnicodeForm, column: str) -> pa.Array:
    """Return the texts of a column in a form; nulls stay.

    Raises
    ------
    ContractError
        A text is not UTF-8.

    Examples
    --------
    >>> normalized(pa.array(["e\\u0301"]), "NFC", "name").to_pylist() == ["\\u00e9"]
    True
    """
    try:
        normal = pc.utf8_normalize(texts, form=form)
    except pa.ArrowInvalid as error:
        raise not_utf8(column) from error
    if form in ("NFC", "NFKC") and not _COMPOSES:
        given = texts.to_pylist()
        normal = pa.array(
            [text and unicodedata.normalize(form, text) for text in given], pa.string()
        )
    return normal


def texts_of(column: pa.Array, form: UnicodeForm | None, name: str) -> pa.StringArray:
    """Return each row's text of a column of strings, shape (n_rows,), in a form; None: unchanged.

    Raises
    ------
    ContractError
        As `normalized`.
    """
    if form is None:
        return column.cast(pa.string())
    if isinstance(column, pa.DictionaryArray) and len(column.dictionary) <= len(column):
        return normalized(column.dictionary.cast(pa.string()), form, name).take(column.indices)
    return normalized(column.cast(pa.string()), form, name)


class NormalTexts:
    """Normalizes the dictionaries of a column's batches.

    They are mostly the same one, or the same with more values at its end
    (`petafit.features.encoding.categorical`): only new values are normalized.

    Parameters
    ----------
    form : {"NFC", "NFD", "NFKC", "NFKD"}
    column : str
        Its name, for errors.
    """

    def __init__(self, form: UnicodeForm, column: str) -> None:
        self._form: UnicodeForm = form
        self._column = column
        self._stored = self._normal = pa.array([], pa.string())

    def of(self, column: pa.DictionaryArray) -> pa.DictionaryArray:
        """Return the same codes, with normalized texts, of which several may be equal.

        Raises
        ------
        ContractError
            As `normalized`.
        """
        texts = column.dictionary
        if place_of(texts) != place_of(self._stored):
            self._stored, self._normal = texts, self._normalized(texts)
        return pa.DictionaryArray.from_arrays(column.indices, self._normal, safe=False)

    def _normalized(self, texts: pa.StringArray) -> pa.StringArray:
        shared = min(len(self._stored), len(texts))
        if not texts.slice(0, shared).equals(self._stored.slice(0, shared)):
            shared = 0
        new = normalized(texts.slice(shared), self._form, self._column)
        return pa.concat_arrays([self._normal.slice(0, shared), new]) if shared else new


def hint_of_form(unknown: Iterable[object], known: Iterable[object]) -> str:
    """Return a hint if unknown texts are known ones in another form; else empty.

    Examples
    --------
    >>> hint_of_form(["e\\u0301", 7], ["\\u00e9"])
    'Some look the same: `unicode: NFC` in the task makes them one.'
    """
    alike = same_texts(text for text in unknown if isinstance(text, str))
    texts = (unicodedata.normalize("NFC", text) for text in known if isinstance(text, str))
    if alike.keys().isdisjoint(texts):
        return ""
    return "Some look the same: `unicode: NFC` in the task makes them one."


def not_utf8(column: str) -> ContractError:
    """Return the error for a column whose bytes are not valid text."""
    return ContractError(
        f"The column {column!r} holds text that is not UTF-8",
        hint="Write it in UTF-8, or filter such rows.",
    )
