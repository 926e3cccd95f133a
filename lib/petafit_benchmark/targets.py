"""The performance targets: ratios within one run, so that the machine cancels out."""

from collections.abc import Callable, Sequence

import numpy as np

from petafit_benchmark.merging.targets import MERGING
from petafit_benchmark.results import Result
from petafit_benchmark.target import PerformanceTarget, Reading, ResultsByContender, TargetResult

LINEAR_PEERS = (
    "sklearn_streaming",
    "sklearn_on_petafit",
    "dask_incremental",
    "tensorflow_linear",
    "vw_text",
    "vw_cache",
    "river_online",
    "mllib_10",
    "mllib_converged",
)
"""Contenders that learn a linear model of the same features."""

_ONE_PASS = ("petafit_spark", "petafit_one_core", "petafit_prefixes")
_TO_CONVERGENCE = {"mllib_converged": ("petafit_converged",)}
"""The runs of petafit to compare with peers that make any number of passes."""

_SCALES = ("petafit_memory", "scale_1m", "scale_10m", "scale_100m")
_MEGABYTE = 1e6


def rates(contender: str, other: str) -> Callable[[ResultsByContender], Reading]:
    """Make a reading: rows per second of the one over those of the other."""
    return lambda results: Reading(results.rate(contender) / results.rate(other))


def log_loss_gap(results: ResultsByContender) -> Reading:
    """The largest gap between petafit's log-loss and a linear peer's.

    A peer is compared with the worst of petafit's runs on the most rows, but on no more rows than
    the peer's: a sample is not compared with a whole table. A peer that learns to convergence is
    compared with a run of petafit to convergence.
    """
    gaps = {}
    for name in LINEAR_PEERS:
        peer = results.get(name)
        if not peer:
            continue
        ours = _TO_CONVERGENCE.get(name, _ONE_PASS)
        petafit = [result for own in ours if (result := results.get(own))]
        fair = [run for run in petafit if _rows(run) <= _rows(peer)]
        if fair:
            most = max(map(_rows, fair))
            worst = max(run.log_loss or 0.0 for run in fair if _rows(run) == most)
            gaps[name] = worst - (peer.log_loss or 0.0)
    if not gaps:
        return Reading(None, note="no linear peer was measured on as many rows as petafit")
    closest = max(gaps, key=lambda name: gaps[name])
    return Reading(gaps[closest], note=f"best peer: {closest}")


def mllib_race(results: ResultsByContender) -> Reading:
    """MLlib's time to converge over petafit's to the same log-loss; 0 if it is never reached."""
    mllib, petafit = results["mllib_converged"], results["petafit_prefixes"]
    goal = mllib.log_loss or 0.0
    as_good = [point for point in petafit.trajectory if point.log_loss <= goal]
    if not as_good:
        return Reading(0.0, note=f"petafit never reached MLlib's log-loss of {goal:.4f}")
    first = min(as_good, key=lambda point: point.seconds)
    note = f"log-loss {goal:.4f}: MLlib {mllib.seconds:.1f} s, petafit {first.seconds:.2f} s"
    return Reading((mllib.seconds or 0.0) / first.seconds, bool(mllib.converged), note)


def text_ratio(results: ResultsByContender) -> Reading:
    """Rows per second and core on text, petafit's over scikit-learn's, at no lower accuracy."""
    petafit, peer = results["petafit_text"], results["sklearn_text"]
    per_core = (petafit.rows_per_second or 0.0) / petafit.cores
    ratio = per_core / ((peer.rows_per_second or 0.0) / peer.cores)
    ours, theirs = petafit.accuracy or 0.0, peer.accuracy or 0.0
    return Reading(ratio, ours >= theirs, f"accuracy {ours:.4f}, scikit-learn's {theirs:.4f}")


def worker_memory(results: ResultsByContender) -> Reading:
    """The highest peak of a worker with 2^22 features in megabytes; it must not grow with the rows.

    Peaks that differ by less than 10% count as equal.
    """
    peaks = {
        name: result.figures["worker_peak_bytes"] / _MEGABYTE
        for name in _SCALES
        if (result := results.get(name)) and "worker_peak_bytes" in result.figures
    }
    if not peaks:
        return Reading(None, note="petafit_memory was not measured")
    by_contender = ", ".join(f"{name} {peak:.0f}" for name, peak in peaks.items())
    highest, lowest = max(peaks.values()), min(peaks.values())
    return Reading(highest, highest <= 1.1 * lowest, by_contender)


def trees_memory(results: ResultsByContender) -> Reading:
    """Peak memory of petafit's processes over that of `xgboost.spark`'s."""
    ours, theirs = results["petafit_trees"], results["xgboost_spark"]
    return Reading((ours.peak_memory_bytes or 0) / (theirs.peak_memory_bytes or np.inf))


def trees_loss(results: ResultsByContender) -> Reading:
    """Log-loss of petafit's trees minus that of as many by `xgboost.spark`."""
    ours, theirs = results["petafit_trees"], results["xgboost_spark"]
    return Reading((ours.log_loss or 0.0) - (theirs.log_loss or 0.0))


def time_per_row(results: ResultsByContender) -> Reading:
    """Time per row at 100M rows over that at 10M."""
    return Reading(results.rate("scale_10m") / results.rate("scale_100m"))


TARGETS = (
    PerformanceTarget(
        "petafit, one core ÷ decode only, one core",
        rates("petafit_one_core", "decode_only"),
        0.45,
        0.6,
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ petafit, one core",
        rates("petafit_spark", "petafit_one_core"),
        1.7,
        1.9,
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ VW from its cache", rates("petafit_spark", "vw_cache"), 2, 3
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ VW from text", rates("petafit_spark", "vw_text"), 4, 10
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ tf.data", rates("petafit_spark", "tensorflow_linear"), 15, 30
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ Dask-ML", rates("petafit_spark", "dask_incremental"), 15, 30
    ),
    PerformanceTarget(
        "petafit, Spark local[2] ÷ scikit-learn streaming",
        rates("petafit_spark", "sklearn_streaming"),
        30,
        60,
    ),
    PerformanceTarget(
        "petafit, one core ÷ SGDClassifier fed by petafit",
        rates("petafit_one_core", "sklearn_on_petafit"),
        1.3,
        2,
    ),
    PerformanceTarget("time of MLlib to its log-loss ÷ petafit's", mllib_race, 100, 300),
    PerformanceTarget("log-loss − best linear peer's", log_loss_gap, 0.0005, 0, better="lower"),
    PerformanceTarget(
        "later pass from the instance cache ÷ first pass",
        rates("petafit_cached", "petafit_one_core"),
        1.8,
        2.5,
    ),
    PerformanceTarget(
        "text: petafit ÷ scikit-learn streaming, per core", text_ratio, 8, 20, suites=("text",)
    ),
    PerformanceTarget(
        "peak memory of a worker, 2^22 features (MB)",
        worker_memory,
        600,
        better="lower",
        suites=("clicks", "scale"),
    ),
    PerformanceTarget(
        "time per row at 100M rows ÷ at 10M", time_per_row, 1.10, better="lower", suites=("scale",)
    ),
    PerformanceTarget(
        "XGBoost on petafit's stream ÷ xgboost.spark",
        rates("petafit_trees", "xgboost_spark"),
        2.5,
        4,
        suites=("trees",),
    ),
    PerformanceTarget(
        "peak memory there ÷ xgboost.spark's",
        trees_memory,
        0.5,
        0.3,
        better="lower",
        suites=("trees",),
    ),
    PerformanceTarget(
        "log-loss there − xgboost.spark's", trees_loss, 0.0005, 0, better="lower", suites=("trees",)
    ),
    *MERGING,
)


def measure_targets(
    results: Sequence[Result], targets: Sequence[PerformanceTarget] = TARGETS
) -> list[TargetResult]:
    """Compare all targets with the results."""
    by_contender = ResultsByContender(results)
    return [target.measure(by_contender) for target in targets]


def _rows(result: Result) -> int:
    return result.rows or 0
