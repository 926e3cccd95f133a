"""The index of a pandas frame, in files that pandas wrote."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from deltalake import convert_to_deltalake

from petafit.config.settings import Settings, Table
from petafit.models.model import load_model
from petafit.table.opening import open_table
from petafit.table.parquet.pandas_index import index_columns
from petafit.workflow.train import train
from tests.small import table, with_settings

FRAME = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [0, 1, 0]})
DOUBLE = pd.MultiIndex.from_tuples([(1, "a"), (2, "b"), (3, "c")], names=["number", None])


def written(folder: Path, frame: pd.DataFrame) -> str:
    folder.mkdir()
    frame.to_parquet(folder / "a.parquet")
    return str(folder)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (FRAME, set()),
        (FRAME.sample(frac=1, random_state=1), {"__index_level_0__"}),
        (FRAME.set_index("x"), {"x"}),
        (FRAME.set_index(DOUBLE), {"number", "__index_level_1__"}),
    ],
    ids=["range", "shuffled", "named", "double"],
)
def test_what_pandas_calls_the_index_is_found(
    tmp_path: Path, frame: pd.DataFrame, expected: set[str]
) -> None:
    uri = written(tmp_path / "t", frame)
    assert index_columns(open_table(Table(uri=uri))) == expected
    convert_to_deltalake(uri)
    assert index_columns(open_table(Table(uri=uri))) == expected


def test_a_name_that_pandas_made_is_known_without_its_footer(tmp_path: Path) -> None:
    uri = written(tmp_path / "t", FRAME.sample(frac=1, random_state=1))
    plain = pq.read_table(uri).replace_schema_metadata(None)
    pq.write_table(plain, tmp_path / "t" / "a.parquet")
    assert index_columns(open_table(Table(uri=uri))) == {"__index_level_0__"}


def test_an_index_that_went_through_csv_is_known_by_its_name(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv")
    pd.read_csv(tmp_path / "a.csv").to_csv(tmp_path / "b.csv")
    twice = pd.read_csv(tmp_path / "b.csv")
    written(tmp_path / "t", twice)
    assert index_columns(open_table(Table(uri=str(tmp_path / "t")))) == {*twice} - {*FRAME}


@pytest.mark.parametrize(
    "metadata", [b"{", b"[]", b"[" * 10**5, b'{"index_columns": 3}', b'{"index_columns": [null]}']
)
def test_damaged_metadata_has_no_index(tmp_path: Path, metadata: bytes) -> None:
    plain = pq.read_table(written(tmp_path / "t", FRAME))
    pq.write_table(
        plain.replace_schema_metadata({"pandas": metadata}), tmp_path / "t" / "a.parquet"
    )
    assert index_columns(open_table(Table(uri=str(tmp_path / "t")))) == frozenset()


@pytest.mark.parametrize("features", ["auto", [{"numeric": "type:number"}]])
def test_the_index_is_no_feature_unless_it_is_named(settings: Settings, features: object) -> None:
    uri = Path(settings.table.uri)
    for path in uri.iterdir():
        path.unlink()
    shuffled = table().to_pandas().sample(frac=1, random_state=1)
    shuffled.index.name = "row"
    shuffled.to_parquet(uri / "a.parquet")
    settings = with_settings(settings, features=features)
    assert "row" not in learnt_from(settings)
    assert "row" in learnt_from(with_settings(settings, features=[{"numeric": "row"}]))


def learnt_from(settings: Settings) -> list[str]:
    train(settings)
    return list(load_model(f"{settings.paths.models}/small").schema.names)
