"""Checks of Spark's model files: foreign classes, functions and paths; NaN; sizes that misfit."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from petafit.errors import StorageError
from petafit.learners.mllib.files import check_classes, first_misshapen, first_not_finite
from petafit.store.filesystem import Folder

MODEL = "stages/2_Logistic_1/metadata"
SQL = "stages/0_SQL_1/metadata"
STATEMENT = (
    "SELECT struct(*) AS __petafit_row, CAST(`c` AS STRING) AS `c`, array(if((`x` IS NULL OR "
    "isnan(CAST(`x` AS DOUBLE))), 0.0D, (CAST(`x` AS DOUBLE) - 30.0D) / 17.0D)) AS n FROM __THIS__"
)


def write(folder: Path, place: str, kind: str, **params: object) -> None:
    (folder / place).mkdir(parents=True, exist_ok=True)
    header = {"class": kind, "uid": "x_1", "paramMap": params, "defaultParamMap": {}}
    (folder / place / "part-00000").write_text(json.dumps(header))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A small file as Spark's writer leaves it."""
    write(tmp_path, "metadata", "org.apache.spark.ml.PipelineModel", stageUids=["SQL_1", "L_1"])
    write(tmp_path, SQL, "org.apache.spark.ml.feature.SQLTransformer", statement=STATEMENT)
    write(tmp_path, MODEL, "org.apache.spark.ml.classification.LogisticRegressionModel")
    return tmp_path


def test_files_that_petafit_wrote_are_read(saved):
    check_classes(Folder(saved))


@pytest.mark.parametrize(
    "kind",
    [
        "os.system",
        "pyspark.ml.evil.Model",
        "org.apache.spark.ml.feature.StopWordsRemover",
        "org.apache.spark.ml.classification.a.b",
        "xorg.apache.spark.ml.PipelineModel",
        "petafit.features.spark.text_stage.os",
    ],
)
@pytest.mark.parametrize("place", ["metadata", MODEL, f"{MODEL[:-9]}/model_0/metadata"])
def test_another_class_is_refused(saved, kind, place):
    write(saved, place, kind)
    with pytest.raises(StorageError, match="was not written by petafit"):
        check_classes(Folder(saved))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT reflect('java.lang.Runtime', 'getRuntime') FROM __THIS__",
        "SELECT java_method('a', 'b') AS `c` FROM __THIS__",
        "SELECT abs (reflect ('a', 'b')) FROM __THIS__",
        "SELECT * FROM parquet.`/etc/passwd`",
        "SELECT *, (SELECT 1 FROM parquet.`/x`) FROM __THIS__",
        "SELECT * FROM __THIS__ JOIN t",
        "SELECT TRANSFORM(*) USING 'sh' FROM __THIS__",
        "SELECT 1 -- ` FROM __THIS__",
        "SELECT '\\'' , reflect('a') FROM __THIS__",
        'SELECT "a" FROM __THIS__',
        "SELECT * FROM __THIS__; DROP TABLE t",
        "DROP TABLE t",
        3,
        None,
    ],
)
def test_other_sql_is_refused(saved, statement):
    write(saved, SQL, "org.apache.spark.ml.feature.SQLTransformer", statement=statement)
    with pytest.raises(StorageError):
        check_classes(Folder(saved))


def test_a_path_out_of_the_model_is_refused(saved):
    kind = "org.apache.spark.ml.PipelineModel"
    write(saved, "metadata", kind, stageUids=["../../elsewhere"])
    with pytest.raises(StorageError, match="was not written by petafit"):
        check_classes(Folder(saved))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"class": 3}', '{"class": "a"}', pytest.param("[" * 9999, id="deep")],
)
def test_damaged_metadata_are_one_clear_error(saved, content):
    (saved / "metadata" / "part-00000").write_text(content + "\n")
    (saved / SQL / "part-00000").write_text("3")
    with pytest.raises(StorageError):
        check_classes(Folder(saved))


def test_a_folder_without_metadata_is_refused(tmp_path):
    with pytest.raises(StorageError, match="none"):
        check_classes(Folder(tmp_path))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_found_however_deep(tmp_path, value):
    fine = pa.table({"n": [1], "deep": [[{"values": [1.0, 2.0]}]]})
    pq.write_table(fine, tmp_path / "part.parquet")
    assert first_not_finite(Folder(tmp_path)) is None
    spoilt = pa.table({"n": [1], "deep": [[{"values": [1.0, value]}]]})
    pq.write_table(spoilt, tmp_path / "part.parquet")
    assert first_not_finite(Folder(tmp_path)) == "deep"


def test_naive_bayes_has_logarithms_of_0(tmp_path):
    pq.write_table(pa.table({"theta": [[-np.inf, 0.0]]}), tmp_path / "part.parquet")
    assert first_not_finite(Folder(tmp_path)) is None


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
