"""Exceptions that Spark raises, as one sentence."""

from __future__ import annotations

import importlib
import os
import re
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from petafit.errors import ConfigurationError, ContractError, PetafitError
from petafit.spark.failures import in_one_sentence, reason

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOB_ABORTED = """An error occurred while calling o78.fit.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 3.0 failed 1 \
times, most recent failure: Lost task 0.0 in stage 3.0 (TID 5) (10.0.0.1 executor driver): \
java.lang.IllegalArgumentException: requirement failed: The label must not be negative.
\tat scala.Predef$.require(Predef.scala:337)

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2898)
"""


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (JOB_ABORTED, "The label must not be negative."),
        (JOB_ABORTED + "Caused by: java.io.IOException: No space\n\t... 3 more", "No space"),
        (
            "[NO_SUCH] It is gone. SQLSTATE: 1\nJVM stacktrace:\n\tat x",
            "It is gone.",
        ),
        ("", ""),
    ],
)
def test_the_innermost_cause_is_reported(text: str, reported: str) -> None:
    assert reason(Exception(text)) == reported


@pytest.mark.spark
def test_the_last_line_of_a_python_worker_is_reported(spark: SparkSession) -> None:
    def fails(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise ValueError("the seventh row\nis odd")

    with pytest.raises(PetafitError) as raised, in_one_sentence("No rows", hint="Look."):
        spark.range(1).mapInArrow(fails, "id long").collect()
    assert "\n" not in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert str(raised.value).startswith("No rows; got the seventh row")
    assert isinstance(raised.value, ConfigurationError)


@pytest.mark.spark
def test_petafit_errors_in_a_worker_keep_their_class(spark: SparkSession) -> None:
    def fails(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        raise ContractError("A label is missing", hint="Filter such rows.")

    with pytest.raises(ContractError, match=r"^A label is missing\. Filter such rows$"):  # noqa: SIM117
        with in_one_sentence("No rows"):
            spark.range(1).mapInArrow(fails, "id long").collect()


@pytest.mark.spark
def test_a_refusal_by_the_jvm_is_one_line(spark: SparkSession) -> None:
    from pyspark.ml.linalg import Vectors
    from pyspark.ml.regression import GeneralizedLinearRegression

    frame = spark.createDataFrame([(Vectors.sparse(5000, [1], [1.0]), 1.0)], ["features", "label"])
    with pytest.raises(ConfigurationError) as raised, in_one_sentence("It cannot be fitted"):
        GeneralizedLinearRegression().fit(frame)
    assert str(raised.value).startswith("It cannot be fitted; got Currently, Generalized")
    assert "\n" not in str(raised.value)


def test_a_process_that_ended_is_no_question_of_settings() -> None:
    from py4j.protocol import Py4JError

    with pytest.raises(PetafitError, match=r"ran out of memory.*spark\.driver\.memory") as raised:  # noqa: SIM117
        with in_one_sentence("It cannot be fitted"):
            raise Py4JError(": java.lang.OutOfMemoryError: Java heap space")
    assert raised.value.exit_code == 1


def test_an_interrupt_stays_one_whatever_the_client_makes_of_it() -> None:
    from py4j.protocol import Py4JError

    def interrupted() -> None:
        try:
            raise KeyboardInterrupt
        finally:
            raise Py4JError("Answer from Java side is empty")

    with pytest.raises(KeyboardInterrupt), in_one_sentence("It cannot be fitted"):
        interrupted()


@pytest.mark.spark
def test_a_killed_worker_is_reported_with_its_task_and_a_hint(spark: SparkSession) -> None:
    def dies(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        os.kill(os.getpid(), signal.SIGKILL)
        yield from batches

    with pytest.raises(PetafitError) as raised, in_one_sentence("No rows", task="shard"):
        spark.range(1, numPartitions=1).mapInArrow(dies, "id long").collect()
    assert re.match(
        r"A Python worker died; got 4 failed attempts at shard 0, the last on \S+\. .*memory.*"
        "The same run id resumes the run",
        str(raised.value),
    )
    assert raised.value.exit_code == 1


@pytest.mark.spark
def test_workers_without_petafit_are_reported(spark: SparkSession) -> None:
    class Missing:
        def __reduce__(self) -> tuple[object, ...]:
            return importlib.import_module, ("petafit.of_another_version",)

    missing = Missing()

    def needs(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield missing  # type: ignore[misc]

    with pytest.raises(ConfigurationError, match=r"lacks petafit.*--archives"):  # noqa: SIM117
        with in_one_sentence("No rows"):
            spark.range(1).mapInArrow(needs, "id long").collect()


@pytest.mark.spark
def test_missing_jars_of_an_object_store_are_named(spark: SparkSession) -> None:
    with pytest.raises(ConfigurationError, match=r"s3a://.*hadoop-aws.*stream: direct"):  # noqa: SIM117
        with in_one_sentence("No rows"):
            spark.read.parquet("s3a://bucket/table").collect()
