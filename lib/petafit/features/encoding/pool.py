"""Allocation of large arrays that live for one batch."""

from typing import Any

import numpy as np
import pyarrow as pa


def pooled(size: int, dtype: type[np.generic] | np.dtype[Any]) -> np.ndarray:
    """Allocate an uninitialised array from Arrow's memory pool, shape (size,).

    The pool reuses the memory of the last batch; malloc returns arrays of this size to the system,
    and a third of the encoder's time would be spent on page faults.
    """
    return np.frombuffer(pa.allocate_buffer(int(size) * np.dtype(dtype).itemsize), dtype)
