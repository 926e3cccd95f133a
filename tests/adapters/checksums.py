"""Checksums of instances, which do not depend on how they come in batches."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse import csr_array


def checksum(batches: Iterable[tuple[Any, np.ndarray]]) -> str:
    """Of all rows with their labels, in order: indices ascending, exact values."""
    seen = hashlib.sha256()
    for X, y in batches:
        rows = csr_array(X).sorted_indices()
        for i, label in enumerate(y):
            entries = slice(rows.indptr[i], rows.indptr[i + 1])
            seen.update(rows.indices[entries].astype(np.int64).tobytes())
            seen.update(rows.data[entries].tobytes())
            seen.update(np.float64(label).tobytes())
    return seen.hexdigest()
