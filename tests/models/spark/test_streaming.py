"""A model on a stream of files that grows while the query runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import petafit
from petafit.config.settings import Settings
from petafit.spark.compatibility import frame_of
from tests.small import table

pytestmark = pytest.mark.spark

PARTS = ((0, 100), (100, 350), (350, 351))


@pytest.fixture
def model(settings: Settings) -> Any:
    petafit.train(settings)
    return petafit.load_model(f"{settings.paths.models}/small")


@pytest.fixture
def incoming(tmp_path: Path, spark: Any) -> Any:
    """A stream of the files of a folder, which begins empty."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    schema = frame_of(spark, table(1)).schema
    return spark.readStream.schema(schema).parquet(str(folder))


def growing(folder: Path) -> Iterator[pa.Table]:
    """Put one file after the other into the folder."""
    rows = table()
    for first, end in PARTS:
        part = rows.slice(first, end - first)
        pq.write_table(part, folder / ".unfinished")
        (folder / ".unfinished").rename(folder / f"{first}.parquet")
        yield part


def follow(query: Any, folder: Path) -> None:
    try:
        for _ in growing(folder):
            query.processAllAvailable()
    finally:
        query.stop()


def assert_predicted(found: pa.Table, model: Any) -> None:
    rows = table().slice(0, PARTS[-1][1])
    found = found.sort_by("id")
    assert found["id"].to_pylist() == rows["id"].to_pylist()
    np.testing.assert_array_equal(found["probability"], model.predict_proba(rows)[:, 1])
    assert set(found["row_status"].to_pylist()) == {"ok"}


def test_a_stream_is_transformed_like_a_table(tmp_path: Path, model: Any, incoming: Any) -> None:
    predicted = model.transform(incoming)
    assert predicted.isStreaming
    writer = predicted.writeStream.format("parquet").option("path", str(tmp_path / "out"))
    follow(
        writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start(),
        tmp_path / "incoming",
    )
    assert_predicted(pq.read_table(tmp_path / "out").drop_columns(["late"]), model)


def test_a_batch_of_a_stream_is_transformed_like_a_table(
    tmp_path: Path, model: Any, incoming: Any
) -> None:
    def predict(batch: Any, number: int) -> None:
        model.transform(batch).write.mode("overwrite").parquet(str(tmp_path / "out" / str(number)))

    writer = incoming.writeStream.foreachBatch(predict)
    follow(
        writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start(),
        tmp_path / "incoming",
    )
    batches = sorted((tmp_path / "out").iterdir())
    assert len(batches) == len(PARTS)
    assert_predicted(pa.concat_tables([pq.read_table(batch) for batch in batches]), model)
