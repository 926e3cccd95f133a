"""MLlib's trees, computed without Spark: the predictions are Spark's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.learners.mllib.stored import read_estimator
from petafit.learners.mllib.trees import TreeEnsemble
from petafit.store.filesystem import Folder
from tests.learners.mllib.fitting import as_a_worker_rebuilds, fitted, rows

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

TWO, THREE = (150, 150), (100, 100, 100)
FOREST = {"numTrees": 5, "maxDepth": 4}
BOOSTED = {"maxIter": 4, "maxDepth": 3}

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("DecisionTreeClassifier", {"maxDepth": 4}, TWO),
    ("DecisionTreeClassifier", {"impurity": "entropy"}, (100, 0, 100, 100)),
    ("RandomForestClassifier", FOREST, THREE),
    ("RandomForestClassifier", FOREST, TWO),
    ("GBTClassifier", BOOSTED, TWO),
    ("GBTClassifier", BOOSTED, (150, 0, 150)),
    ("DecisionTreeRegressor", {"maxDepth": 4}, ()),
    ("RandomForestRegressor", FOREST, ()),
    ("GBTRegressor", {**BOOSTED, "stepSize": 0.3}, ()),
]


@pytest.mark.parametrize(("name", "params", "counts"), CASES)
def test_predictions_are_those_of_spark(
    spark: SparkSession, tmp_path: Path, name: str, params: dict[str, Any], counts: tuple[int, ...]
) -> None:
    read, predictions, decided = fitted(spark, tmp_path, name, params, counts)
    model = as_a_worker_rebuilds(read)
    (batch,) = rows().combine_chunks().to_batches()
    # Spark's sum of boosted trees is one of four partial sums.
    tolerance = 1e-14 if name.startswith("GBT") else 0
    np.testing.assert_allclose(model.predict_batch(batch), predictions, rtol=tolerance)
    expected = predictions if decided is None else decided.astype(int)
    np.testing.assert_allclose(model.predict(rows()), expected, rtol=tolerance)


@pytest.fixture(scope="module")
def forest(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stored forest."""
    folder = tmp_path_factory.mktemp("forest")
    fitted(spark, folder, "RandomForestRegressor", {"numTrees": 2, "maxDepth": 2}, ())
    return folder / "model"


def with_nodes(nodes: pa.Table, **changed: pa.Array) -> pa.Table:
    """The table of a forest's nodes with some fields of `nodeData` replaced."""
    data = nodes["nodeData"].combine_chunks()
    fields = dict(zip((f.name for f in data.type), data.flatten(), strict=True)) | changed
    return pa.table(
        {
            "treeID": nodes["treeID"],
            "nodeData": pa.StructArray.from_arrays(list(fields.values()), names=list(fields)),
        }
    )


def field(nodes: pa.Table, name: str) -> pa.Array:
    return nodes["nodeData"].combine_chunks().field(name)


SPOILT = {
    "a root that is its own child": lambda nodes: with_nodes(
        nodes, leftChild=pc.if_else(pc.greater(field(nodes, "leftChild"), 0), 0, -1).cast("int32")
    ),
    "children beyond the tree": lambda nodes: with_nodes(
        nodes, rightChild=pc.if_else(pc.greater(field(nodes, "leftChild"), 0), 99, -1).cast("int32")
    ),
    "a missing node": lambda nodes: nodes.slice(1),
    "a missing tree": lambda nodes: nodes.filter(pc.equal(nodes["treeID"], 1)),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_nodes_that_are_no_trees_are_refused(forest: Path, tmp_path: Path, kind: str) -> None:
    """The kernel checks no bounds."""
    spoilt = tmp_path / "model"
    shutil.copytree(forest, spoilt)
    assert isinstance(TreeEnsemble.read(read_estimator(Folder(str(spoilt)))), TreeEnsemble)
    first, *others = spoilt.glob("stages/*/data/part-*.parquet")
    nodes = pq.read_table([first, *others])
    for other in others:
        other.unlink()
    pq.write_table(SPOILT[kind](nodes), first)
    with pytest.raises(StorageError, match="is damaged"):
        TreeEnsemble.read(read_estimator(Folder(str(spoilt))))
