"""Runs and models as text and tables on the terminal."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from petafit.config.yaml12 import dump
from petafit.messages import printable
from petafit.models.store import ModelVersion, UnreadableVersion

_HEADLINE = (
    "log_loss",
    "hinge_loss",
    "squared_hinge_loss",
    "pinball_loss",
    "poisson_deviance",
    "gamma_deviance",
    "tweedie_deviance",
    "huber_loss",
    "epsilon_insensitive_loss",
    "squared_epsilon_insensitive_loss",
    "auc",
    "accuracy",
    "calibration_error",
    "base_log_loss",
    "base_hinge_loss",
    "base_poisson_deviance",
    "root_mean_squared_error",
    "mean_squared_error",
    "mean_absolute_error",
    "r2",
    "mean_percentile_rank",
    "unknown_share",
    "best_log_loss",
    "best_auc",
    "rows_per_second",
)
_MEASURED_ON = {
    "training": "training rows: the task has no split",
    "all": "all rows: the task has no split",
}
_OF_FACTORS = ("users", "items", "rank")
_SHOWN_IN_LISTS = 2
_WIDTH_OF_FILES = 10_000


def run(manifest: Mapping[str, Any]) -> None:
    """Show what one run did: rows, metrics, outputs, model, influence of partitions."""
    statistics = [("run", f"{manifest['run_id']} {manifest['status']}"), *_figures(manifest)]
    width = max(len(name) for name, _ in statistics)
    for name, value in statistics:
        print(f"{name:<{width}}  {printable(value)}")
    if manifest.get("influence"):
        _influence(manifest["influence"])
    if manifest.get("search"):
        candidates(manifest["search"])


def candidates(found: Mapping[str, Any]) -> None:
    """Show the candidates of a search, the best first, and where its task file is."""
    table = Table(box=None, pad_edge=False)
    for name in ("candidate", "loss", f"less {found['reference']!r}", "interval", "rows", ""):
        table.add_column(name, overflow="fold")
    listed = sorted(
        found["candidates"],
        key=lambda each: (
            each["name"] != found["reference"],
            each["error"] is not None,
            -each["rows"],
            each["loss"] or 0.0,
        ),
    )
    for each in listed:
        low, high = each["interval"] or (None, None)
        outcome = (
            "dropped" if each["dropped_at"] else "best" if each["name"] == found["best"] else ""
        )
        table.add_row(
            _text(each["name"]),
            _number(each["loss"]),
            _signed(each["difference"]),
            "" if low is None else f"{_signed(low)} .. {_signed(high)}",
            f"{each['rows']:,}",
            _text(each["error"] or outcome),
        )
    _print(table)
    print(f"best task  {printable(found['task_file'])}")


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.5f}"


def runs(manifests: Sequence[Mapping[str, Any]]) -> None:
    """Show runs as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("run", "status", "started (UTC)", "seconds", "result"):
        table.add_column(name, overflow="fold", no_wrap=name == "run")
    for manifest in manifests:
        table.add_row(
            _text(manifest["run_id"]),
            manifest["status"],
            _time(manifest["started_at"]),
            _number(manifest.get("seconds")),
            _text(manifest.get("error") or "") or _metrics(manifest.get("metrics")),
        )
    _print(table if manifests else "No runs yet.")


def models(
    versions: Sequence[ModelVersion | UnreadableVersion], aliases: Mapping[str, Mapping[str, int]]
) -> None:
    """Show models and their versions as a table.

    Parameters
    ----------
    aliases : mapping
        By model, the version that each alias names.
    """
    table = Table(box=None, pad_edge=False)
    for name in ("model", "version", "digest", "created (UTC)", "date", "aliases", "metrics"):
        table.add_column(name, overflow="fold")
    for version in versions:
        named = ", ".join(aliases_of(version, aliases)) or "-"
        if isinstance(version, UnreadableVersion):
            cells = (version.status, _time(None), "-", named, _text(version.error))
            table.add_row(_text(version.name), str(version.version), *cells)
            continue
        table.add_row(
            version.name,
            str(version.version),
            version.digest[:12],
            _time(version.created_at),
            _text(version.logical_date or "-"),
            named,
            _metrics(version.metrics),
        )
    _print(table if versions else "No models yet.")


def model(version: ModelVersion) -> None:
    """Show one version of a model, with the largest weights of its features."""
    models([version], {})
    if "users" in version.metrics:
        print("  ".join(f"{name} {_number(version.metrics[name])}" for name in _OF_FACTORS))
    if not version.weights:
        return
    weights = version.weights
    table = Table(box=None, pad_edge=False)
    table.add_column("feature", overflow="fold")
    for output in weights["outputs"] or [weights["kind"]]:
        table.add_column(_text(str(output)), justify="right")
    for each in weights["features"]:
        table.add_row(_text(each["feature"]), *map(_number, each["weights"]))
    print()
    _print(table)
    print(f"and {weights['others']:,} smaller {weights['kind']}")


def learners(summaries: Mapping[str, str]) -> None:
    """Show what learners there are."""
    table = Table(box=None, pad_edge=False)
    table.add_column("learner", no_wrap=True)
    table.add_column("", overflow="fold")
    for name, summary in summaries.items():
        table.add_row(name, _text(summary))
    _print(table)


def learner(name: str, summary: str, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Show a learner's parameters."""
    print(f"{name}: {printable(summary)}\n")
    table = Table(box=None, pad_edge=False)
    for column in ("parameter", "default", "values", "meaning"):
        table.add_column(column, overflow="fold", no_wrap=column == "parameter")
    for each in parameters:
        default = "required" if each["required"] else dump(each["default"])
        table.add_row(each["name"], _text(default), _text(each["type"]), _text(each["description"]))
    _print(table if parameters else "It has no parameters.")


def aliases_of(
    version: ModelVersion | UnreadableVersion, aliases: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """The aliases that name a version."""
    named = aliases.get(version.name, {})
    return [alias for alias, number in named.items() if number == version.version]


def _print(what: Table | str) -> None:
    """In the terminal's width; elsewhere each row on one line, for grep and awk."""
    if sys.stdout.isatty():
        Console().print(what)
        return
    console = Console(width=_WIDTH_OF_FILES)
    with console.capture() as shown:
        console.print(what)
    for line in shown.get().splitlines():
        print(line.rstrip())


def _figures(manifest: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    if manifest.get("again_because"):
        yield "made again", f"because {_text(manifest['again_because'])}"
    if manifest.get("rows"):
        yield "rows", "  ".join(f"{name} {count:,}" for name, count in manifest["rows"].items())
    if manifest.get("stages"):
        yield "stages", "  ".join(f"{_text(s['name'])} by {s['runs']}" for s in manifest["stages"])
    yield from map(_round, manifest.get("rounds") or ())
    if manifest.get("measured_on") in _MEASURED_ON:
        yield "measured on", _MEASURED_ON[manifest["measured_on"]]
    for name, value in _in_order(manifest.get("metrics") or {}):
        yield name, _number(value)
    for each in manifest.get("clusters") or ():
        yield f"cluster {each['cluster']}", f"{each['share']:.1%} of the rows"
    for output in manifest.get("outputs") or ():
        yield "output", f"{output['path']} ({output['format']}, {output['rows']:,} rows)"
    if manifest.get("model"):
        model = manifest["model"]
        yield "model", f"{model['name']} version {model['version']} ({model['digest'][:12]})"
    if manifest.get("seconds") is not None:
        yield "seconds", _number(manifest["seconds"])


def _influence(influence: Mapping[str, Any]) -> None:
    """The partitions that hurt most, then those that help most."""
    for title, partitions in (("hurts", influence["hurt"]), ("helps", influence["help"])):
        table = Table(box=None, pad_edge=False)
        table.add_column(title)
        for name in ("rows", f"change of {influence['loss']} without it", "95% interval"):
            table.add_column(name, justify="right")
        for each in partitions:
            low, high = (f"{end:+.6f}" for end in each["interval"])
            change = f"{each['change']:+.6f}"
            table.add_row(_text(each["partition"]), f"{each['rows']:,}", change, f"{low} to {high}")
        print()
        _print(table if partitions else f"{title}: no partition")


def _round(done: Mapping[str, Any]) -> tuple[str, str]:
    """A round of training, with its losses."""
    part = f".{done['part']}" if done["parts"] > 1 else ""
    parts = [f"{done['kind']}  {done['rows']['used']:,} rows  {_number(done['seconds'])} s"]
    if done.get("objective") is not None:
        parts.append(f"objective {_number(done['objective'])} before it")
    if done.get("merge_holdout"):
        before, after = (_number(done["merge_holdout"][when]) for when in ("before", "after"))
        how = "merged to fit them" if done["kind"] == "online" else "after it"
        parts.append(f"loss on holdout rows {before}, {how} {after}")
    if done["validation"]:
        parts.append(f"validation {_metrics(done['validation'])}")
    return f"round {done['number']}{part}", "  ".join(parts)


def _text(foreign: str) -> str:
    """Text from files and tables, for a cell: neither rich's markup nor the terminal's."""
    return escape(printable(foreign))


def _metrics(metrics: Mapping[str, float | None] | None) -> str:
    """The first few metrics on one line."""
    shown = list(_in_order(metrics or {}))[:_SHOWN_IN_LISTS]
    return "  ".join(f"{name} {_number(value)}" for name, value in shown)


def _in_order(metrics: Mapping[str, float | None]) -> Iterable[tuple[str, float | None]]:
    """The metrics people ask for first, then all others."""
    first = {name: metrics[name] for name in _HEADLINE if name in metrics}
    return {**first, **metrics}.items()


def _number(value: float | None) -> str:
    """Four decimals, or four digits where those would show nothing."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if 0 < abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.4f}".rstrip("0").rstrip(".")


def _time(moment: str | None) -> str:
    """To the second, without a zone: manifests are in UTC."""
    return "-" if moment is None else moment[:19].replace("T", " ")
