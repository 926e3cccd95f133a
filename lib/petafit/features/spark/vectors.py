"""Addition of entries to Spark ML's sparse vectors: Arrow structs (type, size, indices, values)."""

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array

from petafit.features.encoding.ragged import Ragged


def with_entries(vectors: pa.StructArray, more: Ragged, size: int) -> pa.StructArray:
    """Return sparse vectors of this size with entries added, indices in ascending order.

    Explicit zeros are kept: they are features of value 0.
    """
    kind, _, indices, values = vectors.flatten()
    rows = np.arange(len(vectors), dtype=np.int32)
    lengths = np.concatenate([indices.value_lengths().to_numpy(), np.diff(more.offsets)])
    entries = coo_array(
        (
            np.concatenate([values.flatten().to_numpy(), more.values]),
            (
                np.repeat(np.tile(rows, 2), lengths),
                np.concatenate([indices.flatten().to_numpy(), more.indices]),
            ),
        ),
        shape=(len(vectors), size),
    ).tocsr()
    sizes = pa.array(np.full(len(vectors), size), vectors.type.field("size").type)
    lists = [
        pa.ListArray.from_arrays(entries.indptr, content, type=vectors.type.field(name).type)
        for name, content in (("indices", entries.indices), ("values", entries.data))
    ]
    return pa.StructArray.from_arrays([kind, sizes, *lists], fields=list(vectors.type))
