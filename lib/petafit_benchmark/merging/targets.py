"""Targets of merged models: quality against the sequential learner, and time."""

from collections.abc import Callable

from petafit_benchmark.merging.cases import EXACT, EXACT_FIGURE, SEEDS, TRAININGS, seeded
from petafit_benchmark.target import (
    MissingContenderError,
    PerformanceTarget,
    Reading,
    ResultsByContender,
)

_TEXT = "text_stacked_k64_passes2"


def above_sequential(case: str) -> Callable[[ResultsByContender], Reading]:
    """Make a reading of a case: its log-loss above the sequential learner's, on the worst seed."""

    def read(results: ResultsByContender) -> Reading:
        gaps = {}
        for seed in SEEDS:
            name = seeded(case, seed)
            gap = results[name].figures.get("above_sequential")
            if gap is None:
                raise MissingContenderError(" or ".join(TRAININGS[name].rivals))
            gaps[seed] = gap
        by_seed = ", ".join(f"seed {seed}: {gap:+.5f}" for seed, gap in gaps.items())
        return Reading(max(gaps.values()), note=by_seed)

    return read


def accuracy_lost(results: ResultsByContender) -> Reading:
    """The accuracy of the best sequential learner on texts minus that of merged shards."""
    best = max(results[name].accuracy or 0.0 for name in TRAININGS[_TEXT].rivals)
    merged = results[_TEXT].accuracy or 0.0
    return Reading(best - merged, note=f"sequential {best:.4f}, merged {merged:.4f}")


def extra_time(results: ResultsByContender) -> Reading:
    """Extra time of 8 stacked shards over 2 that merge once, as a share of the pass on Spark."""
    plain, stacked = results["spark_mean_k2"], results["spark_stacked_k8"]
    share = 1 - (plain.seconds or 0.0) / (stacked.seconds or 1.0)
    return Reading(share, note=f"{plain.seconds:.1f} s and {stacked.seconds:.1f} s")


def exact_merging(results: ResultsByContender) -> Reading:
    """The largest relative difference of an exact learner from the fit to all rows."""
    figures = results[EXACT].figures
    worst = max((name for name in figures if name != EXACT_FIGURE), key=lambda name: figures[name])
    return Reading(figures[EXACT_FIGURE], note=worst.removeprefix("relative_difference_"))


MERGING = (
    *(
        PerformanceTarget(
            f"merged − sequential, {figure}",
            above_sequential(case),
            required,
            stretch,
            better="lower",
            suites=("merging",),
        )
        for figure, case, required, stretch in (
            ("8 shards, one pass", "stacked_k8", 0.0001, -0.0003),
            ("64 shards, one pass", "stacked_k64", 0.0005, 0.0),
            ("64 shards, two passes", "stacked_k64_passes2", 0.0, -0.0005),
            ("64 shards, ten passes", "stacked_k64_passes10", -0.0004, -0.0010),
            ("256 shards, one pass", "stacked_k256", 0.0010, 0.0003),
        )
    ),
    PerformanceTarget(
        "text, 64 shards, two passes: accuracy, sequential − merged",
        accuracy_lost,
        0.002,
        0,
        better="lower",
        suites=("merging",),
    ),
    PerformanceTarget(
        "extra time of merging and syncs, 8 shards, share of the pass",
        extra_time,
        0.10,
        0.04,
        better="lower",
        suites=("merging",),
    ),
    PerformanceTarget(
        "exact learners: largest relative difference from the union fit",
        exact_merging,
        1e-9,
        better="lower",
        suites=("merging",),
    ),
)
