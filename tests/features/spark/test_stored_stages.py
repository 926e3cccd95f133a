"""Checks of fitted stages before Spark loads them: foreign classes, SQL and paths."""

import json
from pathlib import Path

import pytest

from petafit.errors import ConfigurationError, StorageError
from petafit.features.spark.stage_columns import check_statement
from petafit.features.spark.stored_stages import check_stages
from petafit.store.filesystem import Folder

SQL = "stages/0_SQL_1/metadata"


def write(folder: Path, place: str, kind: str, **params: object) -> None:
    (folder / place).mkdir(parents=True, exist_ok=True)
    header = {"class": kind, "uid": "x_1", "paramMap": params, "defaultParamMap": {}}
    (folder / place / "part-00000").write_text(json.dumps(header))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The metadata of two stages, as Spark's writers leave them."""
    write(tmp_path, "metadata", "org.apache.spark.ml.PipelineModel", stageUids=["SQL_1", "I_1"])
    statement = "SELECT *, a + 1 AS b FROM __THIS__"
    write(tmp_path, SQL, "org.apache.spark.ml.feature.SQLTransformer", statement=statement)
    write(tmp_path, "stages/1_I_1/metadata", "org.apache.spark.ml.feature.ImputerModel")
    return tmp_path


def test_stages_of_spark_are_allowed(saved: Path) -> None:
    check_stages(Folder(saved), ())


@pytest.mark.parametrize(
    "kind",
    ["os.system", "org.apache.spark.ml.feature.a.B", "my.package.ClassModel", "pyspark.ml.evil.A"],
)
def test_another_class_is_refused(saved: Path, kind: str) -> None:
    write(saved, SQL, kind)
    with pytest.raises(StorageError, match=r"are not allowed.*`spark.stages`"):
        check_stages(Folder(saved), ("my.other.Class",))


def test_what_an_allowed_class_has_fitted_is_allowed(saved: Path) -> None:
    write(saved, SQL, "my.package.ClassModel")
    check_stages(Folder(saved), ("my.package.Class",))


def test_another_place_is_refused(saved: Path) -> None:
    write(saved, "metadata", "org.apache.spark.ml.PipelineModel", stageUids=["../../evil"])
    with pytest.raises(StorageError, match="within the model's folder"):
        check_stages(Folder(saved), ())


def test_files_without_metadata_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the metadata of a pipeline"):
        check_stages(Folder(tmp_path), ())


STATEMENTS = [
    "SELECT *, reflect('java.lang.Runtime', 'exit') AS b FROM __THIS__",
    "SELECT *, a FROM other",
    "SELECT *, (SELECT max(a) FROM other) AS b FROM __THIS__",
    "SELECT * FROM __THIS__ WHERE a > 1",
    "SELECT *, explode(a) AS b FROM __THIS__",
    "SELECT *, max(a) OVER (PARTITION BY b) AS c FROM __THIS__",
    "SELECT DISTINCT * FROM __THIS__",
    "SELECT a FROM __THIS__",
    "SELECT * FROM __THIS__ JOIN other",
    "SELECT * FROM __THIS__, other",
    "SELECT TRANSFORM(*) USING 'cat' FROM __THIS__",
    "DROP TABLE a",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_sql_of_more_than_columns_is_refused(saved: Path, statement: str) -> None:
    with pytest.raises(ConfigurationError, match="one row for each row"):
        check_statement(statement)
    write(saved, SQL, "org.apache.spark.ml.feature.SQLTransformer", statement=statement)
    with pytest.raises(StorageError, match="are not allowed"):
        check_stages(Folder(saved), ())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT *, a * 2 AS b, 'FROM where' AS c FROM __THIS__",
        "select *,\n  transform(a, x -> x + 1) AS `limit` from __this__ -- where",
    ],
)
def test_sql_of_columns_is_taken(statement: str) -> None:
    check_statement(statement)
