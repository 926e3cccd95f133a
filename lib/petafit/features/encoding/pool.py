"""Large arrays that come and go with every batch."""

from typing import Any

import numpy as np
import pyarrow as pa


def pooled(size: int, dtype: type[np.generic] | np.dtype[Any]) -> np.ndarray:
    """An uninitialised array from Arrow's memory pool, shape (size,).

    The pool keeps what the last batch has freed; malloc gives arrays of this size back to the
    system, and a third of the encoder's time would go into paging them in again.
    """
    return np.frombuffer(pa.allocate_buffer(int(size) * np.dtype(dtype).itemsize), dtype)
