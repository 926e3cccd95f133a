"""Sizes of what Spark's models store."""

import pyarrow as pa
import pytest

from petafit.learners.mllib.shapes import first_misshapen

INTS, FLOATS = pa.list_(pa.int32()), pa.list_(pa.float64())
VECTOR = pa.struct({"type": pa.int8(), "size": pa.int32(), "indices": INTS, "values": FLOATS})
MATRIX = pa.struct(
    {
        "type": pa.int8(),
        "numRows": pa.int32(),
        "numCols": pa.int32(),
        "colPtrs": INTS,
        "rowIndices": INTS,
        "values": FLOATS,
        "isTransposed": pa.bool_(),
    }
)


def misshapen(name: str, kind: pa.DataType, *parts: object) -> str | None:
    row = dict(zip((field.name for field in kind), parts, strict=True))
    return first_misshapen(pa.table({name: pa.array([row, None], kind)}), n_features=4)


@pytest.mark.parametrize(
    ("parts", "fits"),
    [
        ((1, None, None, [1.0] * 4), True),
        ((1, None, None, [1.0] * 3), False),
        ((0, 4, [0, 3], [1.0, 2.0]), True),
        ((0, 4, [], []), True),
        ((0, 5, [0, 3], [1.0, 2.0]), False),
        ((0, 4, [0, 4], [1.0, 2.0]), False),
        ((0, 4, [-1, 3], [1.0, 2.0]), False),
        ((0, 4, [3, 0], [1.0, 2.0]), False),
        ((0, 4, [0], [1.0, 2.0]), False),
        ((0, None, [0], [1.0]), False),
    ],
)
def test_vectors(parts: tuple[object, ...], fits: bool) -> None:
    assert misshapen("coefficients", VECTOR, *parts) == (None if fits else "coefficients")


@pytest.mark.parametrize(
    ("parts", "fits"),
    [
        ((1, 2, 4, None, None, [0.0] * 8, False), True),
        ((1, 2, 4, None, None, [0.0] * 7, False), False),
        ((1, 4, 2, None, None, [0.0] * 8, False), False),
        ((1, -2, -4, None, None, [0.0] * 8, False), False),
        ((1, None, 4, None, None, [0.0] * 8, False), False),
        ((0, 2, 4, [0, 1, 1, 1, 2], [1, 0], [1.0, 1.0], False), True),
        ((0, 2, 4, [0, 1, 2], [3, 0], [1.0, 1.0], True), True),
        ((0, 2, 4, [0, 1, 2], [4, 0], [1.0, 1.0], True), False),
        ((0, 2, 4, [0, 2, 1, 1, 2], [1, 0], [1.0, 1.0], False), False),
        ((0, 2, 4, [0, 1, 1, 1, 9], [1, 0], [1.0, 1.0], False), False),
        ((0, 2, 4, None, None, [], False), False),
    ],
)
def test_matrices(parts: tuple[object, ...], fits: bool) -> None:
    assert misshapen("coefficientMatrix", MATRIX, *parts) == (None if fits else "coefficientMatrix")


def test_other_vectors_may_have_any_size() -> None:
    assert misshapen("interceptVector", VECTOR, 1, None, None, [1.0]) is None


def test_splits_of_trees_name_features_that_there_are() -> None:
    def tree(index: int) -> pa.Table:
        return pa.table({"nodeData": [{"split": {"featureIndex": index}}, {"split": None}]})

    assert first_misshapen(tree(3), n_features=4) is None
    assert first_misshapen(tree(-1), n_features=4) is None
    assert first_misshapen(tree(4), n_features=4) == "nodeData"
