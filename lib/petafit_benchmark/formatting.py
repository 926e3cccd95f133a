"""Formats figures for the terminal and the page."""

from petafit_benchmark.quality import Interval
from petafit_benchmark.results import Result, Tuning
from petafit_benchmark.target import TargetResult

NONE = "–"
MEMORY_FIGURES = {
    "driver_peak_memory_bytes": "driver",
    "jvm_heap_bytes": "JVM heap",
    "run_folder_peak_bytes": "run folder",
}
"""Figures of contenders, in bytes, that are listed among the remarks."""

STATUS = {"missing": "not installed", "failed": "failed", "timeout": "took too long"}


def count(value: int | None) -> str:
    """A number of rows, in groups of three digits."""
    return NONE if value is None else f"{value:,}"


def rate(value: float | None) -> str:
    """Rows per second in three digits.

    Examples
    --------
    >>> rate(1_234_567), rate(47_120), rate(812.4), rate(None)
    ('1.23M', '47.1k', '812', '–')
    """
    if value is None:
        return NONE
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A time in seconds.

    Examples
    --------
    >>> seconds(0.0421), seconds(7.25), seconds(432.1)
    ('0.04', '7.2', '432')
    """
    if value is None:
        return NONE
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def memory(value: float | None) -> str:
    """Bytes in decimal units.

    Examples
    --------
    >>> memory(412_345_678), memory(2_512_000_000)
    ('412 MB', '2.51 GB')
    """
    if value is None:
        return NONE
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def with_interval(value: float | None, interval: Interval | None) -> str:
    """A figure with half the width of its 95% interval.

    Examples
    --------
    >>> with_interval(0.30081, (0.3001, 0.30152))
    '0.3008 ±0.0007'
    """
    if value is None or interval is None:
        return NONE
    return f"{value:.4f} ±{(interval[1] - interval[0]) / 2:.4f}"


def limits(target: TargetResult) -> tuple[str, str]:
    """The required value and the stretch value.

    Examples
    --------
    >>> limits(TargetResult("gap", 0.0, 0.0005, 0, True, False, "lower", "", ("clicks",)))
    ('≤ 0.0005', '< 0')
    """
    sign, strict = ("≥", "≥") if target.better == "higher" else ("≤", "<")
    stretch = NONE if target.stretch is None else f"{strict} {target.stretch:g}"
    return f"{sign} {target.required:g}", stretch


def measured(target: TargetResult) -> str:
    """The measured value, in three digits."""
    if target.value is None:
        return NONE
    return f"{target.value:.0f}" if abs(target.value) >= 100 else f"{target.value:.3g}"


def verdict(target: TargetResult) -> str:
    """The target's status: met, missed, its stretch value met, or not measured."""
    if target.value is None:
        return "not measured"
    return "stretch" if target.stretch_met else "met" if target.met else "missed"


def is_own(result: Result) -> bool:
    """True for petafit itself, False for a peer."""
    return result.contender.startswith(("petafit", "scale", "shards"))


def tuning_losses(tuning: Tuning) -> str:
    """The log-loss with each value, the chosen one marked."""
    losses = ", ".join(
        f"{value:g}: {loss:.4f}{' ✓' if value == tuning.chosen else ''}"
        for value, loss in zip(tuning.grid, tuning.log_losses, strict=True)
    )
    return losses + (" (at the edge of the grid)" if tuning.at_edge else "")


def remarks(result: Result) -> str:
    """Remarks on a result: the tuned value, a sample, convergence, memory, or the failure."""
    if not result.ok:
        return f"{STATUS[result.status]}: {(result.error or '').splitlines()[-1]}"
    words = [f"{name} {value:g}" for name, value in result.tuned.items()]
    if result.extrapolated:
        words.append("a sample")
    if result.converged is not None:
        words.append("converged" if result.converged else "not converged")
    if result.prepare_seconds:
        words.append(f"conversion {seconds(result.prepare_seconds)} s apart")
    figures = result.figures
    words += [
        f"{who} {memory(figures[name])}" for name, who in MEMORY_FIGURES.items() if name in figures
    ]
    return ", ".join(words)
