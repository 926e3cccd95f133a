"""Names of hashed features."""

import numpy as np
import pyarrow as pa

from petafit.explanation.index_names import IndexNames
from petafit.features.column_statistics import ColumnStatistics, TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.hashing import feature_index
from petafit.features.feature import Binned, Categorical, Cross, Numeric

COLORS = ["red", "green", None, "red"]
ROWS = pa.record_batch(
    {
        "x": [1.0, 2.0, 3.0, None],
        "color": pa.array(COLORS).dictionary_encode(),
        "size": ["s", "m", "s", None],
    }
)
FEATURES = (
    Numeric("x"),
    Binned("x", (1.5,)),
    Categorical("color"),
    Cross((Categorical("color"), Categorical("size"))),
)
STATISTICS = TableStatistics(4, None, {"x": ColumnStatistics(3, 1, 2.0, 1.0, 1.0, 3.0)})


def names(hash_bits: int, wanted: list[int] | None = None) -> dict[int, str]:
    encoder = Encoder(FEATURES, STATISTICS, hash_bits=hash_bits)
    own = IndexNames(encoder, range(encoder.n_features) if wanted is None else wanted)
    halves = (own.reduce(own.start(), half) for half in (ROWS.slice(0, 2), ROWS.slice(2)))
    return own.finish(own.merge(*halves))


def test_every_entry_of_a_row_has_the_name_that_was_hashed() -> None:
    found = names(12)
    texts = {name for name in found.values() if name != "x"}
    expected = {"x_bin=0", "x_bin=1", "x_bin=missing", "color=red", "color=green"}
    assert texts == expected | {"color×size=red×s", "color×size=green×m"}
    assert all(feature_index(name, 12) == index for index, name in found.items() if name != "x")
    X = Encoder(FEATURES, STATISTICS, hash_bits=12)(ROWS, labels=False).X
    assert set(np.unique(X.indices).tolist()) == set(found)


def test_only_what_is_wanted_is_named_and_collisions_are_told() -> None:
    red = feature_index("color=red", 12)
    assert names(12, [red, 1 << 12, 5]) == {red: "color=red", 1 << 12: "x"}
    assert names(1)[0].count(" or ") + names(1)[1].count(" or ") > 1
