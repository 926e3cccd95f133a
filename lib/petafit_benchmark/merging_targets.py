"""What merged models must reach beside the sequential learner, and in what time."""

from collections.abc import Callable

from petafit_benchmark.exact_case import EXACT, FIGURE
from petafit_benchmark.merging_cases import SEEDS, TRAININGS, seeded
from petafit_benchmark.target import Found, MissingContenderError, PerformanceTarget, Reading

_TEXT = "text_stacked_k64_passes2"


def above_sequential(case: str) -> Callable[[Found], Reading]:
    """How much higher the log-loss of a case of the suite `merging` is, on its worst seed."""

    def read(found: Found) -> Reading:
        gaps = {}
        for seed in SEEDS:
            name = seeded(case, seed)
            gap = found[name].figures.get("above_sequential")
            if gap is None:
                raise MissingContenderError(" or ".join(TRAININGS[name].rivals))
            gaps[seed] = gap
        told = ", ".join(f"seed {seed}: {gap:+.5f}" for seed, gap in gaps.items())
        return Reading(max(gaps.values()), note=told)

    return read


def accuracy_lost(found: Found) -> Reading:
    """The accuracy of the best sequential learner on texts, less that of merged shards."""
    best = max(found[name].accuracy or 0.0 for name in TRAININGS[_TEXT].rivals)
    merged = found[_TEXT].accuracy or 0.0
    return Reading(best - merged, note=f"sequential {best:.4f}, merged {merged:.4f}")


def extra_time(found: Found) -> Reading:
    """The share of a pass on Spark that 8 stacked shards take longer than 2 that merge once."""
    plain, stacked = found["spark_mean_k2"], found["spark_stacked_k8"]
    share = 1 - (plain.seconds or 0.0) / (stacked.seconds or 1.0)
    return Reading(share, note=f"{plain.seconds:.1f} s and {stacked.seconds:.1f} s")


def exact_merging(found: Found) -> Reading:
    """How far the worst of the exact learners is from the same learner fitted to all rows."""
    figures = found[EXACT].figures
    worst = max((name for name in figures if name != FIGURE), key=lambda name: figures[name])
    return Reading(figures[FIGURE], note=worst.removeprefix("relative_difference_"))


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
