"""`petafit export`: write a linear model in the format of another program, checked on rows."""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from petafit.config.exporting import ExportFormat
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError, EmptyInputError
from petafit.exports.exportable import check_features
from petafit.exports.linear import LinearForm, linear_form
from petafit.exports.parity import Parity
from petafit.models.predictor import Predictor
from petafit.store.filesystem import Folder
from petafit.store.runs import Run
from petafit.store.versions import installed_versions
from petafit.stream.sample import take_sample
from petafit.workflow.job import Job, JobOptions, open_job
from petafit.workflow.published import Published, open_published
from petafit.workflow.rows import TaskRows, open_rows

log = logging.getLogger("petafit")

CERTIFICATE = "certificate.json"
_FORMAT = 1


@dataclass(frozen=True)
class _Exporter:
    """A format: writes a model into a folder, and predicts with what is there.

    Attributes
    ----------
    requires : dict of str to str
        The versions of the programs.
    """

    write: Callable[[Folder], None]
    predict: Callable[[Folder, pa.Table], np.ndarray]
    requires: dict[str, Any]


def export(settings: Settings, **options: Unpack[JobOptions]) -> Run:
    """Write a linear model as a pipeline of Spark ML's own stages, or as a graph of ONNX.

    Neither needs petafit where it is read. The predictions are compared with petafit's on rows of
    the task's table before the folder gets its name.

    Parameters
    ----------
    settings : Settings
        ``settings.export`` says what to write and where, ``settings.model`` which model, as for
        `petafit.evaluate`.
    frame, spark, run_id, logical_date
        As in `petafit.train`.

    Returns
    -------
    Run
        ``run.manifest["outputs"]`` says where the model is, with ``certificate.json`` beside it;
        ``run.manifest["metrics"]`` has the largest difference of the predictions.

    Raises
    ------
    ConfigurationError
        The model cannot be exported, the folder exists, or there is no Spark or no ONNX.
    ContractError
        The table does not hold what the model reads.
    EmptyInputError
        There are no rows to compare predictions on.
    StorageError
        The predictions differ by more than ``export.tolerance``; nothing was written.
    ConflictError
        The run id belongs to other settings, or to a run that is still going on.
    """
    to, output = _asked(settings)
    if to == "onnx" and settings.table.is_stored and not options.keys() & {"frame", "spark"}:
        settings = settings.model_copy(update={"engine": "local"})  # a JVM would do nothing
    with open_job("export", settings, **options) as job:
        if job.finished:
            return job.run
        target = Folder(job.settings.export.output or output)
        if _is_done(job, target):
            return job.run
        published = open_published(job, open_rows(job, job.settings.table))
        check_features(published.model, to)
        form = linear_form(published.model)
        exporter = _exporter(job, to, published, form)
        rows = _rows(published)
        with job.run.stage("export"):
            _export(job, published, exporter, rows, target)
    return job.run


def _asked(settings: Settings) -> tuple[ExportFormat, str]:
    asked = settings.export
    if asked.to is None or asked.output is None:
        raise ConfigurationError(
            "There is nothing to export to",
            expected="export.to and export.output",
            hint="Say `petafit export --to onnx --out FOLDER`, or `--to spark`.",
        )
    return asked.to, asked.output


def _is_done(job: Job, target: Folder) -> bool:
    """An earlier attempt of this run has written the folder; any other content is not replaced."""
    if not target.exists():
        return False
    if target.exists(CERTIFICATE):
        certificate = target.read_json(CERTIFICATE)
        if certificate.get("run_id") == job.run.run_id:
            _record(job, target, certificate)
            return True
    raise ConfigurationError(
        f"{target.uri} exists already",
        hint="Export to another folder: `export.output` may hold {logical_date}.",
    )


def _exporter(job: Job, to: ExportFormat, published: Published, form: LinearForm) -> _Exporter:
    model, identity = published.model, published.version.identity
    if to == "spark":
        if job.spark is None:
            raise ConfigurationError(
                "Spark writes its pipelines, and there is no Spark", hint="Set `engine: spark`."
            )
        from petafit.exports.spark.files import predicted_by_pipeline, write_pipeline

        session = job.spark
        return _Exporter(
            partial(write_pipeline, session, model, form),
            partial(predicted_by_pipeline, session, form),
            {"spark": session.version},
        )
    if not (find_spec("onnx") and find_spec("onnxruntime")):
        raise ConfigurationError(
            "Graphs of ONNX need the packages onnx and onnxruntime",
            hint="Install them: pip install 'petafit[onnx]'.",
        )
    from petafit.exports.onnx.files import dialects, predicted_by_graph, write_graph

    properties = {name: str(value) for name, value in identity.items()}
    return _Exporter(
        partial(write_graph, model, form, properties),
        partial(predicted_by_graph, model, form),
        dialects(),
    )


def _rows(published: Published) -> pa.Table:
    """Rows from all over the table that petafit predicts.

    Raises
    ------
    EmptyInputError
        There are none.
    """
    found = _read(published.rows, published.model.schema)
    good = [published.model.checks.split(batch)[0] for batch in found.to_batches()]
    rows = pa.Table.from_batches(good, found.schema)
    if not rows.num_rows:
        raise EmptyInputError(
            f"{published.rows.snapshot.uri} has no rows to compare predictions on",
            hint="Name a table that has some.",
        )
    return rows


def _read(rows: TaskRows, schema: pa.Schema) -> pa.Table:
    """Up to so many rows as are asked for, in the types of the model."""
    wanted = rows.settings.export.rows
    if rows.how == "direct":
        return take_sample(rows.snapshot, schema.names, rows=wanted).rows.cast(schema)
    from petafit.spark.compatibility import arrow_table

    frame = rows.scan("score", schema.names).driver_frame()
    return arrow_table(frame.select(*schema.names).limit(wanted)).cast(schema)


def _export(
    job: Job, published: Published, exporter: _Exporter, rows: pa.Table, target: Folder
) -> None:
    """Write and compare under another name; the folder gets its own once all of it is there."""
    parent, name = target.split()
    parent.remove_abandoned()
    staged = f".{uuid.uuid4().hex}.tmp"
    staging = parent.child(staged)
    try:
        exporter.write(staging)
        size = _bytes(staging)
        parity = Parity.of(_own(published, rows), exporter.predict(staging, rows))
        parity.require(job.settings.export.tolerance)
        certificate = _certificate(job, published, exporter, parity, size)
        staging.write_json(CERTIFICATE, certificate)
        if parent.can_rename:
            parent.rename(staged, name)
        else:
            _copy(staging, target)
    finally:
        parent.remove(staged)
    _record(job, target, certificate)


def _own(published: Published, rows: pa.Table) -> np.ndarray:
    model = published.model
    assert isinstance(model, Predictor)  # all linear models are
    batches = rows.to_batches(max_chunksize=1 << 14)
    return np.concatenate([model.predict_batch(batch) for batch in batches])


def _copy(staging: Folder, target: Folder) -> None:
    """Object stores rename no folders: the certificate, written last, says that all is there."""
    for name in sorted(staging.files(), key=lambda each: each == CERTIFICATE):
        target.write(name, staging.read(name))


def _certificate(
    job: Job, published: Published, exporter: _Exporter, parity: Parity, size: int
) -> dict[str, Any]:
    (table,) = job.run.manifest["inputs"]
    return {
        "format": _FORMAT,
        "to": job.settings.export.to,
        "run_id": job.run.run_id,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "model": published.version.identity,
        "learner": published.model.choice.model_dump(mode="json"),
        "classes": published.model.classes,
        "columns": {field.name: str(field.type) for field in published.model.schema},
        "rows_of": {name: table[name] for name in ("table", "version")},
        **parity.as_dict(),
        "tolerance": job.settings.export.tolerance,
        "versions": {**installed_versions(), **exporter.requires},
        "bytes": size,
    }


def _bytes(folder: Folder) -> int:
    infos = folder.filesystem.get_file_info([f"{folder.path}/{name}" for name in folder.files()])
    return sum(info.size for info in infos)


def _record(job: Job, target: Folder, certificate: dict[str, Any]) -> None:
    job.run.update(
        rows={"in": certificate["rows"], "used": certificate["rows"], "quarantined": 0},
        metrics={"largest_difference": certificate["largest_difference"]},
        outputs=[{"path": target.uri, "format": certificate["to"], "rows": certificate["rows"]}],
    )
    log.info(
        "exported to %s: of %d rows the predictions differ by %.2g at most",
        target.uri,
        certificate["rows"],
        certificate["largest_difference"],
    )
