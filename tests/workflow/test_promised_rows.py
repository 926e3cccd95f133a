"""Rows that are read are those that the table promises, in every pass of every job."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from petafit.config.settings import Settings
from petafit.errors import StorageError
from petafit.stream.parquet import slices
from petafit.workflow.evaluate import evaluate
from petafit.workflow.score import score
from petafit.workflow.train import train
from tests.small import table, with_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

IGNORED = "spark.sql.files.ignoreMissingFiles"


def interrupted(settings: Settings, run_id: str) -> Path:
    """A run's folder, as if the run had been cut off before its end."""
    folder = Path(train(settings, run_id=run_id).folder.uri)
    manifest = json.loads((folder / "manifest.json").read_text())
    changed = {**manifest, "status": "failed", "model": None}
    (folder / "manifest.json").write_text(json.dumps(changed))
    return folder


def test_a_resumed_run_refuses_a_plan_that_changed(settings: Settings) -> None:
    folder = interrupted(settings, "r")
    plan = folder / "plans" / "train.arrow"
    whole = plan.read_bytes()
    plan.write_bytes(whole.replace(b"month-01.parquet", b"month-02.parquet", 1))
    assert plan.read_bytes() != whole
    with pytest.raises(StorageError, match=r"train\.arrow is not what was written"):
        train(settings, run_id="r")
    plan.unlink()
    assert train(settings, run_id="r").manifest["rows"]["in"] == 4500


def test_the_manifest_has_the_rows_of_each_round(settings: Settings) -> None:
    run = train(with_settings(settings, training={"rounds": 2, "parts": 2, "shards": 3}))
    first, second, whole = (done["tally"] for done in run.manifest["rounds"])
    assert first["read"] + second["read"] == whole["read"] == whole["promised"] == 6000


@pytest.mark.parametrize("training", [{"shards": 1}, {"shards": 3, "parts": 2}])
@pytest.mark.parametrize("job", [train, evaluate, score])
def test_every_job_refuses_rows_that_are_missed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, job: Any, training: dict[str, int]
) -> None:
    settings = with_settings(settings, training={**training, "rounds": 1})
    if job is not train:
        train(settings)
    read = slices.read_row_group

    def misses_one(*given: Any, wanted: range, **options: Any) -> Any:
        return read(*given, wanted=wanted[1:] if wanted.start == 0 else wanted, **options)

    monkeypatch.setattr(slices, "read_row_group", misses_one)
    with pytest.raises(StorageError, match=r"expected 6,000 rows; got \d,\d\d\d rows"):
        job(settings)


def test_a_scan_that_passes_over_files_is_refused(
    settings: Settings, tmp_path: Path, spark: "SparkSession"
) -> None:
    """Spark can be set to skip missing files; the rest is not the table."""
    half = table().num_rows // 2
    write_deltalake(tmp_path / "delta", table().slice(0, half))
    write_deltalake(tmp_path / "delta", table().slice(half), mode="append")
    changes: dict[str, Any] = {"engine": "spark", "stream": "scan", "split": {}}
    settings = with_settings(settings, table=str(tmp_path / "delta"), **changes)
    settings = settings.model_copy(update={"split": type(settings.split)()})
    assert train(settings, spark=spark).manifest["rows"]["in"] == 6000
    next((tmp_path / "delta").glob("*.parquet")).unlink()
    spark.conf.set(IGNORED, True)
    try:
        with pytest.raises(StorageError, match=r"expected 6,000 rows; got 3,000 rows"):
            train(settings, spark=spark)
    finally:
        spark.conf.unset(IGNORED)


@pytest.mark.parametrize("format", ["delta", "parquet"])
def test_a_scan_of_some_partitions_has_their_rows_and_no_others(
    settings: Settings, tmp_path: Path, spark: "SparkSession", format: str
) -> None:
    """Spark does not filter the validation rows; the workers do."""
    if format == "delta":
        write_deltalake(tmp_path / "in", table(), partition_by=["month"])
    else:
        pq.write_to_dataset(table(), tmp_path / "in", partition_cols=["month"])
    split = {"train": [], "test": [], "validation": ["month >= 10"]}
    changes: dict[str, Any] = {"engine": "spark", "stream": "scan", "split": split}
    settings = with_settings(settings, table=str(tmp_path / "in"), **changes)
    assert train(settings, spark=spark).manifest["rows"]["in"] == 4500


def test_a_log_that_promises_other_rows_is_refused(settings: Settings, tmp_path: Path) -> None:
    write_deltalake(tmp_path / "delta", pa.table(table()))
    entry = tmp_path / "delta" / "_delta_log" / f"{0:020}.json"
    text = entry.read_text().replace('\\"numRecords\\":6000', '\\"numRecords\\":5999')
    assert "5999" in text
    entry.write_text(text)
    with pytest.raises(StorageError, match="expected 5999 rows; got 6000 rows"):
        train(with_settings(settings, table=str(tmp_path / "delta")))
