"""Values of a batch's columns for stages, and the error where Spark's stage would fail."""

import numpy as np
import pyarrow as pa

from petafit.errors import ContractError


def doubles(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return a column's numbers as float64, rounded as Java does, and which are null, (n_rows,)."""
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
    return numbers, is_null


def coded_texts(column: pa.Array) -> tuple[np.ndarray, pa.StringArray]:
    """Return codes, negative for null, and the texts that they stand for."""
    if not isinstance(column, pa.DictionaryArray):
        column = column.cast(pa.string()).dictionary_encode()
    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    texts = column.dictionary.cast(pa.string())
    if texts.null_count:  # a null of the dictionary is a null of the column
        nulls = np.append(texts.is_null().to_numpy(zero_copy_only=False), False)
        codes = np.where(nulls[codes], -1, codes)
    return codes, texts


def refuse(stage: str, bad: np.ndarray, what: str, *, column: str, hint: str = "") -> None:
    """Refuse a batch of which a row is bad.

    Parameters
    ----------
    bad : ndarray of bool, shape (n_rows,)

    Raises
    ------
    ContractError
        Names the stage, the column and the first row.
    """
    if bad.any():
        raise ContractError(
            f"The stage {stage} cannot take {what}",
            got=f"row {int(bad.argmax())} of a batch, column {column!r}",
            hint=hint or "Filter such rows by `table.filter`, or fill them by a stage before.",
        )
