"""Warnings of a training or an evaluation whose model may be of no use.

They are kept in the run's manifest, too. Nothing is refused: a model may be worse than a constant
on purpose, and what is certain is not finite, which `petafit.learners.arrays` detects.
"""

import logging
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from petafit.errors import ConfigurationError, ContractError, EmptyInputError, StorageError
from petafit.evaluation.evaluate import metrics_of
from petafit.evaluation.metrics import Figures, Scored
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoder import Encoder
from petafit.features.encoding.numeric import Scaling
from petafit.features.feature import Numeric
from petafit.learners.arrays import finite_rows
from petafit.learners.registry import LearnerInfo
from petafit.models.model import Model
from petafit.stream.batches import Source
from petafit.stream.direct import DirectSource
from petafit.table.contract import Checks
from petafit.workflow.job import Job

log = logging.getLogger("petafit")

_UNSCALED = 1e3
"""Root mean square of a feature from which a step of one row overshoots: measured on rows with a
log-loss of .43, columns in units of 100 leave it, of 1,000 give .77, and of 10,000 2.6; always
predicting the same gives .69.
"""

_LIGHT = 1e-3
"""Mean weight below which steps in proportion to it teach little within a few passes."""

_NAMED = 5
_ROWS = 2000

_SQUARES = 100.0
"""Squared errors beyond this multiple of the label's variance are no matter of the loss: even a
quantile of .99 is not so far from the mean.
"""

_NATS = 1.5
"""A log-loss so far above that of equal probabilities: rows get probabilities near 0."""


def warn(job: Job, text: str) -> None:
    """Log a warning, and keep it in the manifest."""
    known = job.run.manifest["warnings"]
    log.warning("%s", text)
    if text not in known:
        job.run.update(warnings=[*known, text])


def warn_of_inputs(job: Job, encoder: Encoder, learner: LearnerInfo) -> None:
    """Warn of features and weights from which a learner that takes a step per row learns little."""
    if learner.exact:
        return
    if learner.family == "petafit" and (large := _unscaled(encoder)):
        more = f" and {len(large) - _NAMED} more" if len(large) > _NAMED else ""
        warn(
            job,
            f"{learner.name} overshoots with numbers so far from 1: "
            f"{', '.join(large[:_NAMED])}{more}. Set `scale: standard` for them in `features`",
        )
    rows, weight = encoder.statistics.rows, encoder.statistics.weight
    if learner.family == "sklearn" and rows and weight and weight / rows < _LIGHT:
        warn(
            job,
            f"the weights in {encoder.weight!r} of {rows:,} rows sum to {weight:.3g}: steps of "
            f"{learner.name} are in proportion to them, and may be too short to learn anything. "
            "Multiply them so that they are 1 on average",
        )


def warn_of_model(
    job: Job, model: Model, source: Source, checks: Checks, *, validated: Figures | None
) -> None:
    """Warn of a trained model that is far worse than a constant.

    Parameters
    ----------
    source, checks
        Of the training rows: some are measured where there are no validation rows.
    validated : dict or None
        Metrics on the validation rows.
    """
    figures = validated or _on_some_rows(model, source, checks)
    rows = "the validation rows" if validated else "rows that it was trained on"
    warn_of_figures(job, figures, model.encoder.statistics, rows=rows)


def warn_of_figures(
    job: Job, figures: Figures | None, statistics: TableStatistics, *, rows: str
) -> None:
    """Warn of metrics that are far worse than a constant's."""
    if figures and (text := far_worse(figures, statistics)):
        warn(job, f"the model is worse than a constant: on {rows}, {text}")


def far_worse(figures: Figures, statistics: TableStatistics) -> str | None:
    """Say how a model is worse than a constant by far; None for any other model.

    Metrics that are no worse than those of equal probabilities, or of random decisions, are not:
    models with `class_weight` have such where a class is rare.

    Examples
    --------
    >>> two = TableStatistics(None, None, {}, classes=("no", "yes"))
    >>> far_worse({"log_loss": 8.0, "accuracy": 0.5}, two)
    'its log-loss is 8, and that of equal probabilities 0.693'
    >>> far_worse({"log_loss": 0.69, "accuracy": 0.01}, two) is None
    True
    """
    if statistics.label is not None:
        squared, variance = figures.get("mean_squared_error"), statistics.label.sd**2
        if squared is not None and variance > 0 and squared > _SQUARES * variance:
            return (
                f"its mean squared error is {squared:.3g}, and the label's variance {variance:.3g}"
            )
        return None
    classes = len(statistics.classes or ())
    log_loss, accuracy = figures.get("log_loss"), figures.get("accuracy")
    if log_loss is not None:
        even = float(np.log(classes))
        if log_loss > even + _NATS:
            return f"its log-loss is {log_loss:.3g}, and that of equal probabilities {even:.3g}"
        return None
    if accuracy is not None and accuracy < 1 / (2 * classes):
        return f"its accuracy is {accuracy:.3g}, and that of random decisions {1 / classes:.3g}"
    return None


def _unscaled(encoder: Encoder) -> list[str]:
    """Return the columns whose features are far from 1 in size, with their sizes."""
    found = []
    for feature in encoder.features:
        if not isinstance(feature, Numeric):
            continue
        column = encoder.statistics.columns.get(feature.column)
        if column is None or not column.count:
            continue
        scaling = Scaling.of(feature, column)
        size = np.hypot(column.mean - scaling.shift, column.sd) / scaling.divisor
        if size >= _UNSCALED:
            found.append(f"{feature.column!r} (about {size:.1g})")
    return found


def _on_some_rows(model: Model, source: Source, checks: Checks) -> Figures | None:
    """Return the metrics on the source's first rows; None where they cannot be had."""
    if not isinstance(source, DirectSource):
        return None
    try:
        good = (checks.split(rows)[0] for rows in _batches(source))
        rows = next((rows.slice(0, _ROWS) for rows in good if rows.num_rows), None)
        if rows is None:
            return None
        predictions = model.predict_batch(rows)
        if not finite_rows(predictions).all():
            return None
        labels, weights = model.encoder.targets(rows)
        metrics = metrics_of(model)
        return metrics.finish(metrics.reduce(metrics.start(), Scored(labels, predictions, weights)))
    except (ConfigurationError, ContractError, EmptyInputError, StorageError) as error:
        log.debug("the model was not measured on rows that it was trained on", exc_info=error)
        return None


def _batches(source: DirectSource) -> Iterator[pa.RecordBatch]:
    for shard in range(source.shards):
        yield from source.read(shard)
