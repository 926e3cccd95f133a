"""petafit on Spark ``local[2]`` with 2^22 features over many small shards: what each one costs."""

import gc
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petafit_benchmark import petafit_runs
from petafit_benchmark.contender import ContenderRun, Spec, save_predictions
from petafit_benchmark.contenders import petafit_memory
from petafit_benchmark.folder_size import watch_size

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TITLE = "petafit, Spark local[2], small shards"
LEARNER = "petafit over small shards"
CORES = petafit_memory.CORES
REQUIRES = petafit_memory.REQUIRES
MOST_ROWS = None
TUNES = ""
GRID = None


def train(spec: Spec) -> ContenderRun:
    """Train as `Spec.training` says, and see what the driver and the run folder hold."""
    spec = replace(spec, hash_bits=petafit_memory.HASH_BITS)
    began = time.monotonic()
    with petafit_runs.open_spark(spec) as spark:
        petafit_runs.warm_up(spec, spark, **spec.training)
        startup = time.monotonic() - began
        settings = petafit_runs.settings_for(spec, engine="spark", **spec.training)
        with watch_size(Path(settings.paths.runs)) as folder:
            fit = petafit_runs.fit(settings, spark)
        heap = jvm_heap(spark)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        startup_seconds=startup,
        versions=petafit_runs.used_versions("pyspark"),
        figures={
            "driver_peak_memory_bytes": float(fit.peak_memory["driver"] or 0),
            "worker_peak_memory_bytes": float(fit.peak_memory["worker"] or 0),
            "jvm_heap_bytes": float(heap),
            "run_folder_peak_bytes": float(folder.bytes),
        },
    )


def jvm_heap(spark: "SparkSession") -> int:
    """Bytes of the driver's JVM heap that are still in use after a full collection.

    What Python has let go of is freed first: Py4J holds the JVM's objects on its behalf.
    """
    gc.collect()
    jvm: Any = spark.sparkContext._jvm
    memory = jvm.java.lang.management.ManagementFactory.getMemoryMXBean()
    memory.gc()
    return int(memory.getHeapMemoryUsage().getUsed())
