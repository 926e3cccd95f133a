"""petafit over many shards: for the quality of a merged model, and for the cost of a shard."""

import gc
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from petafit_benchmark.contender import Contender, ContenderRun, Spec, save_predictions
from petafit_benchmark.contenders import petafit_runs
from petafit_benchmark.contenders.petafit import MEMORY_HASH_BITS
from petafit_benchmark.sampling import watch_size

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def train_one_by_one(spec: Spec) -> ContenderRun:
    """Train on all shards of `Spec.training`, one after the other on one core, without warm-up."""
    settings = petafit_runs.settings_for(spec, engine="local", **spec.training)
    fit = petafit_runs.fit(settings)
    return ContenderRun(
        rows=fit.rows,
        seconds=fit.seconds,
        predictions=save_predictions(spec, fit.predictions(spec)),
        versions=petafit_runs.used_versions(),
        figures={"driver_peak_memory_bytes": float(fit.peak_memory["driver"] or 0)},
    )


def train_many(spec: Spec, *, hash_bits: int = MEMORY_HASH_BITS) -> ContenderRun:
    """Train on Spark; measure the driver's memory and the run folder's size."""
    spec = replace(spec, hash_bits=hash_bits)
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
    """Bytes of the driver's JVM heap that are in use after a full garbage collection.

    Python's garbage is collected first: Py4J keeps the JVM's objects alive for it.
    """
    gc.collect()
    jvm: Any = spark.sparkContext._jvm
    memory = jvm.java.lang.management.ManagementFactory.getMemoryMXBean()
    memory.gc()
    return int(memory.getHeapMemoryUsage().getUsed())


SHARDS = Contender(title="petafit, shards", learner="petafit over shards", train=train_one_by_one)
MANY_SHARDS = Contender(
    title="petafit, Spark local[2], small shards",
    learner="petafit over small shards",
    train=train_many,
    cores=2,
    requires=("pyspark",),
)
