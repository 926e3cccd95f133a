"""Texts that a column has in several Unicode forms."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from petafit.config.feature_groups import UnicodeForm
from petafit.features.columns import is_string
from petafit.features.unicode_form import normalized
from petafit.table.columns import legible, present

USUAL_FORM: UnicodeForm = "NFC"


def in_several_forms(values: pa.ChunkedArray) -> str | None:
    """Return a text that values have in several Unicode forms, in the usual one; None without any.

    Examples
    --------
    >>> in_several_forms(pa.chunked_array([["e\\u0301", "\\u00e9", "e"]])) == "\\u00e9"
    True
    """
    if not is_string(values.type):
        return None
    return first_repeated(legible(present(values).cast(pa.string()).unique()))


def first_repeated(texts: Iterable[str] | pa.StringArray) -> str | None:
    """Return the first of different texts that is another one in another Unicode form, or None."""
    counts = pc.value_counts(normalized(pa.array(texts, pa.string()), USUAL_FORM, ""))
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    return repeated[0].as_py() if len(repeated) else None
