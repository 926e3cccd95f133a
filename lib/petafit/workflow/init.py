"""`petafit init`: look at a table and write its task file."""

import re
from pathlib import Path

from petafit.config.files import conf_folder
from petafit.config.settings import Table
from petafit.errors import ConfigurationError, ContractError, EmptyInputError, did_you_mean
from petafit.features.columns import is_date
from petafit.store.filesystem import Folder
from petafit.stream.sample import Sample, take_sample
from petafit.table.columns import Spellings, has_column, present
from petafit.table.opening import open_table
from petafit.table.snapshot import Snapshot
from petafit.workflow.suggest import feature_kind
from petafit.workflow.task_file import task_text

_NAME = re.compile(r"\w[\w.-]*")


def write_task_file(
    table_uri: str,
    *,
    label: str,
    task: str | None = None,
    conf: str | Path | None = None,
    force: bool = False,
) -> Path:
    """Write ``conf/tasks/<task>.yaml`` for a Parquet or Delta table.

    The file works as it is, and says in comments what was seen of the table. The look takes the
    same time whatever the table's size.

    Parameters
    ----------
    label : str
        The column to predict.
    task : str, optional
        By default named like the table.
    conf : path, optional
        The folder of settings; by default ``$PETAFIT_CONF``, or ``./conf``.
    force : bool
        Replace a task file that is there.

    Raises
    ------
    ConfigurationError
        There is no such table or column, the task exists, or the label cannot be predicted.
    EmptyInputError
        The table has no rows, or none with a label.
    """
    name = _task_name(task, table_uri)
    path = conf_folder(conf) / "tasks" / f"{name}.yaml"
    if path.exists() and not force:
        raise _existing(path)
    snapshot = open_table(Table(uri=table_uri))
    label = Spellings(snapshot.schema.names).find(label) or label
    text = task_text(table_uri, snapshot, _look(snapshot, label), label)
    folder = Folder(path.parent)
    if force:
        folder.write(path.name, text.encode())
    elif not folder.create(path.name, text.encode()):
        raise _existing(path)
    return path


def _task_name(task: str | None, table_uri: str) -> str:
    last = table_uri.rstrip("/").rpartition("/")[2].partition("?")[0]
    name = task or last.removesuffix(".parquet")
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} cannot be a task's name",
            expected="letters, digits, _, . and -",
            hint="Give --task NAME.",
        )
    return name


def _existing(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} exists already", hint="Give --task another name, or --force to replace it."
    )


def _look(snapshot: Snapshot, label: str) -> Sample:
    """Rows with the columns that can be features, and the label."""
    if not has_column(snapshot.schema, label):
        raise ConfigurationError(
            f"The table has no column {label!r}", hint=did_you_mean(label, snapshot.schema.names)
        )
    kind = snapshot.schema.field(label).type
    if feature_kind(kind) is None or is_date(kind):
        raise ConfigurationError(
            f"The column {label!r} cannot be predicted",
            expected="text, a boolean or a number",
            got=kind,
            hint="Name another column with --label.",
        )
    columns = [field.name for field in snapshot.schema if feature_kind(field.type)]
    try:
        sample = take_sample(snapshot, columns)
    except ContractError as error:
        if snapshot.scan_reason is None:
            raise
        raise _needs_spark(snapshot) from error
    if not sample.rows.num_rows:
        raise EmptyInputError(
            f"The table at {snapshot.uri} has no rows", hint="Name a table that has some."
        )
    if not len(present(sample.rows.column(label))):
        if snapshot.scan_reason is not None:
            raise _needs_spark(snapshot)
        raise EmptyInputError(
            f"The label {label!r} is null in all rows that were looked at",
            hint="Name another column with --label, or write the task file yourself.",
        )
    return sample


def _needs_spark(snapshot: Snapshot) -> ConfigurationError:
    return ConfigurationError(
        f"The table at {snapshot.uri} cannot be looked at without Spark: {snapshot.scan_reason}",
        hint="Write its task file yourself: `table`, `label` and `split` are enough.",
    )
