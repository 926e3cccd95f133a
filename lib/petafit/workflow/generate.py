"""Tables that are made up: the workers write them, and measure the best that any model could do."""

from collections.abc import Sequence
from functools import partial

from petafit.aggregate.aggregator import Combined
from petafit.aggregate.sink import WriteFiles
from petafit.config.datasets import ClicksDataset, TextsDataset
from petafit.datasets.clicks import CLICK, PROBABILITY, Clicks
from petafit.datasets.texts import MAIN, Texts
from petafit.evaluation.classification import ClassificationMetrics
from petafit.evaluation.evaluate import Measure
from petafit.evaluation.metrics import Figures
from petafit.store.filesystem import Folder
from petafit.table.filters.predicate import Predicate
from petafit.table.filters.split import select
from petafit.workflow.job import Job
from petafit.workflow.outputs import commit, new_output


def generate_clicks(job: Job, dataset: ClicksDataset) -> None:
    """Generate the click log."""
    source = Clicks(rows=dataset.rows, days=dataset.days, seed=dataset.seed, shards=_shards(job))
    best = _generate(
        job,
        dataset,
        source,
        truth=CLICK,
        figures=("log_loss", "base_log_loss", "auc", "accuracy", "calibration_error"),
    )
    job.run.update(
        metrics={
            "best_log_loss": best["log_loss"],
            "best_auc": best["auc"],
            "base_log_loss": best["base_log_loss"],
        }
    )


def generate_texts(job: Job, dataset: TextsDataset) -> None:
    """Generate the texts; their best figures are those of one who knows each word's language."""
    source = Texts(
        rows=dataset.rows,
        classes=dataset.classes,
        days=dataset.days,
        seed=dataset.seed,
        shards=_shards(job),
    )
    best = _generate(job, dataset, source, truth=MAIN, figures=("log_loss", "accuracy"))
    job.run.update(metrics={f"best_{name}": figure for name, figure in best.items()})


def _shards(job: Job) -> int:
    return job.settings.training.shards or job.engine.slots


def _generate(
    job: Job,
    dataset: ClicksDataset | TextsDataset,
    source: Clicks | Texts,
    *,
    truth: str,
    figures: Sequence[str],
) -> Figures:
    """Write the table without its hidden columns, and beside it what the hidden probability gives.

    Parameters
    ----------
    truth : str
        The column that happens with the hidden probability.
    figures : sequence of str
        The metrics that say something about the task.

    Returns
    -------
    Figures
        Of the rows that test.
    """
    hidden = [name for name in source.schema.names if name not in source.table_schema.names]
    table = new_output(
        job,
        job.settings.table.require_uri(),
        source.table_schema,
        format=dataset.format,
        partition_by=("day",),
    )
    best = partial(Measure, ClassificationMetrics(), label=truth, prediction=PROBABILITY)
    aggregator = Combined(
        {
            "files": WriteFiles(table.staging, table.partition_by, drop=hidden),
            "all_rows": best(rows=Predicate()),
            "test_rows": best(rows=select(job.settings, "test")),
        }
    )
    with job.run.stage("generate"):
        outcome = job.passes.run("generate", aggregator, source, rows=dataset.rows)
    measured = {
        part: {name: outcome.result[part][name] for name in figures}
        for part in ("all_rows", "test_rows")
    }
    with job.run.stage("commit"):
        commit(job, table, outcome.result["files"])
        folder, name = Folder(table.uri).split()
        folder.write_json(f"{name}.best.json", measured)
    job.run.update(
        rows={"in": outcome.rows, "used": outcome.rows, "quarantined": 0, "out": outcome.rows},
        metrics={"rows_per_second": outcome.rows_per_second},
    )
    return measured["test_rows"]
