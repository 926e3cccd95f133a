"""`petafit init`: look at a table and write its task file."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from petafit.config.files import conf_folder, text_of
from petafit.config.layers import load_settings
from petafit.config.settings import Settings
from petafit.config.spark import Spark
from petafit.config.tables import Table
from petafit.errors import ConfigurationError, ContractError, EmptyInputError, did_you_mean
from petafit.features.columns import is_date
from petafit.store.filesystem import Folder
from petafit.store.object_storage import export
from petafit.stream.sample import Sample, take_sample
from petafit.suggestion.seen import feature_kind
from petafit.suggestion.splits import Division, division_of
from petafit.suggestion.task_file import task_text
from petafit.table.columns import Spellings, has_column, present
from petafit.table.opening import open_table
from petafit.table.snapshot import Snapshot

_NAME = re.compile(r"\w[\w.-]*")
_OF_CATALOG = re.compile(r"\w+(\.\w+)+")
_FORMATS = ("csv", "json", "orc", "avro")
_REACH = 8
_ON_THIS_MACHINE = Spark(master="local[*]")


def write_task_file(
    table: str,
    *,
    label: str,
    task: str | None = None,
    env: str = "local",
    conf: str | Path | None = None,
    force: bool = False,
    train: str | None = None,
    test: str | None = None,
) -> Path:
    """Write ``conf/tasks/<task>.yaml`` for a table.

    The file works as it is, and says in comments what was seen of the table. At a Parquet or Delta
    table the look takes the same time whatever its size; of other rows Spark counts all.

    Parameters
    ----------
    table : str
        A folder or URI of a Parquet or Delta table; a file of another format, by its ending
        (``.csv``, ``.tsv``, ``.json``, ``.orc``, ``.avro``, also compressed); a table of Spark's
        catalog (``catalog.schema.table``); or a file with a query (``.sql``).
    label : str
        The column to predict.
    task : str, optional
        By default named like the table.
    env : str
        The environment, where Spark has to read the table.
    conf : path, optional
        The folder of settings; by default ``$PETAFIT_CONF``, or ``./conf``.
    force : bool
        Replace a task file that is there.
    train, test : str, optional
        Conditions on the rows to train and to test on, such as ``month <= 9``; by default what the
        table's columns suggest.

    Raises
    ------
    ConfigurationError
        There is no such table or column, the task exists, the label cannot be predicted, or the
        conditions are wrong or select no row.
    EmptyInputError
        The table has no rows, or none with a label.
    """
    name = _task_name(task, table)
    path = conf_folder(conf) / "tasks" / f"{name}.yaml"
    if path.exists() and not force:
        raise _existing(path)
    settings = _settings_of(env, conf, label)
    export(settings.storage.variables())
    named = _named(table)
    given = _given(train, test)
    if named.is_stored:
        text = _text_of(named, label, given)
    else:
        text = _text_by_spark(named, label, given, settings)
    folder = Folder(path.parent)
    if force:
        folder.write(path.name, text.encode())
    elif not folder.create(path.name, text.encode()):
        raise _existing(path)
    return path


def _named(table: str) -> Table:
    """The table that a text names."""
    uri = table.partition("?")[0].rstrip("/").lower().removesuffix(".gz").removesuffix(".bz2")
    ending = uri.rpartition(".")[2]
    if ending == "sql":
        return Table(sql=text_of(Path(table)))
    if ending == "tsv":
        return Table(uri=table, format="csv", options={"sep": "\t"})
    if ending in _FORMATS:
        return Table(uri=table, format=ending)
    if _is_of_catalog(table):
        return Table(name=table)
    return Table(uri=table)


def _is_of_catalog(table: str) -> bool:
    return bool(_OF_CATALOG.fullmatch(table)) and not Folder(table).exists()


def _given(train: str | None, test: str | None) -> Division | None:
    """Return the division that two conditions make; None without them."""
    if train is None and test is None:
        return None
    if train is None or test is None:
        raise ConfigurationError(
            "A split needs both conditions", hint="Give --train and --test, or neither."
        )
    return division_of(train, test)


def _text_of(table: Table, label: str, division: Division | None) -> str:
    snapshot = open_table(table)
    label = Spellings(snapshot.schema.names).find(label) or label
    take = partial(take_sample, snapshot, reach=_REACH)
    return task_text(table, snapshot, _look(snapshot, label, take), label, division)


def _settings_of(env: str, conf: str | Path | None, label: str) -> Settings:
    """An environment's settings; this machine's where there is no folder of settings yet."""
    if conf_folder(conf).is_dir():
        return load_settings(task=None, env=env, conf=conf).settings
    return Settings(task="init", label=label, spark=_ON_THIS_MACHINE)


def _text_by_spark(table: Table, label: str, division: Division | None, settings: Settings) -> str:
    from petafit.spark.session import open_session
    from petafit.stream.scan.sources import open_source, sample_of

    with open_session(settings, app_name="petafit init") as session:
        snapshot, frame = open_source(session, table)
        label = Spellings(snapshot.schema.names).find(label) or label

        def take(columns: list[str]) -> Sample:
            return Sample(*sample_of(frame, snapshot, columns), total_is_certain=True)

        return task_text(table, snapshot, _look(snapshot, label, take), label, division)


def _task_name(task: str | None, table: str) -> str:
    last = table.rstrip("/").rpartition("/")[2].partition("?")[0]
    named = last.removesuffix(".gz").removesuffix(".bz2")
    stem, _, ending = named.rpartition(".")
    is_file = ending.lower() in {"parquet", "sql", "tsv", *_FORMATS}
    name = task or (stem if is_file else ending if _is_of_catalog(table) else last)
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


def _look(snapshot: Snapshot, label: str, take: Callable[[list[str]], Sample]) -> Sample:
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
        sample = take(columns)
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
