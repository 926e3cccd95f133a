"""Replacing the rows of an earlier scoring: those that are scored again, and no others."""

from petafit.config.settings import Settings
from petafit.config.tables import Table
from petafit.errors import ConfigurationError
from petafit.store.filesystem import Folder
from petafit.table.filters.split import Selection, select
from petafit.table.opening import open_table
from petafit.table.partitions import divides_tables
from petafit.table.snapshot import Snapshot
from petafit.table.writers.output import Output
from petafit.table.writers.scope import WHOLE, Scope
from petafit.table.writers.swap import read_mark

DATE = "logical_date"


def scope_of(settings: Settings, snapshot: Snapshot, date: str | None) -> Scope:
    """The scope of `score.replace` for this table and these conditions.

    Parameters
    ----------
    date : str or None
        The run's logical date.

    Raises
    ------
    ConfigurationError
        There are no partitions to replace, or no logical date.
    """
    selection, columns = select(settings, "score"), kept_partitions(snapshot)
    match settings.score.replace:
        case "table":
            return WHOLE
        case "partitions":
            if not columns:
                raise ConfigurationError(
                    f"`score.replace: partitions` has none to replace: {snapshot.uri} has no "
                    "partitions that its predictions can have",
                    expected="partitions by strings, integers, booleans or dates",
                    hint="Choose another value, or write the table in partitions.",
                )
            return _selected(snapshot, selection)
        case "logical_date":
            if date is None:
                raise ConfigurationError(
                    "`score.replace: logical_date` needs the logical date of the run",
                    hint="Give --logical-date.",
                )
            return Scope((DATE,), frozenset([(date,)]))
    if columns and (date is None or _takes_whole_partitions(snapshot, selection)):
        return _selected(snapshot, selection)
    return WHOLE if date is None else Scope((DATE,), frozenset([(date,)]))


def kept_partitions(snapshot: Snapshot) -> tuple[str, ...]:
    """The partition columns that predictions have, too: all, or none where some cannot be written.

    Times, decimals and bytes are ordinary columns of the predictions: other programs write the
    text of such values otherwise.
    """
    columns = snapshot.partition_columns
    kinds = (snapshot.schema.field(name).type for name in columns)
    return columns if all(map(divides_tables, kinds)) else ()


def is_dated(scope: Scope, snapshot: Snapshot) -> bool:
    """True where the rows of a logical date are replaced: predictions then have it as a column."""
    return scope.columns == (DATE,) and DATE not in snapshot.partition_columns


def refuse_loss(settings: Settings, snapshot: Snapshot, output: Output) -> None:
    """Refuse to replace rows that may be of other rows than those that are scored now.

    Raises
    ------
    ConfigurationError
        Nobody asked for that, and the output has such rows.
    """
    is_chosen = settings.score.replace != "auto"
    if is_chosen or is_dated(output.scope, snapshot) or output.is_empty:
        return
    selection = select(settings, "score")
    if not _takes_whole_partitions(snapshot, selection):
        raise _lost(
            output,
            f"those scored now are only a part of {snapshot.uri}, or of its partitions",
            got=f"conditions on {', '.join(selection.columns)}",
            hint="Give --logical-date, so that the rows of that date are replaced, or say what is, "
            "with `score.replace`.",
        )
    found = open_table(Table(uri=output.uri)).partition_columns
    if found != output.partition_by:
        raise _lost(
            output,
            "they are partitioned otherwise",
            expected=", ".join(output.partition_by) or "no partitions",
            got=", ".join(found) or "no partitions",
            hint="Give --logical-date as the runs before, or another `score.output`; or set "
            "`score.replace: table`.",
        )
    made_from = _made_from(output, snapshot)
    if made_from != snapshot.uri:
        raise _lost(
            output,
            "some are predictions of another table",
            expected=snapshot.uri,
            got=made_from or "several, or one that is unknown",
            hint="Name another `score.output`, or say what is replaced, with `score.replace`.",
        )


def default_output(table: Table) -> str:
    """The default address of a table's predictions.

    Raises
    ------
    ConfigurationError
        Rows that are not stored have none.
    """
    if table.uri is None or not table.is_stored:
        raise ConfigurationError(
            f"The predictions of {table.title} need an address", hint="Set `score.output`."
        )
    return f"{table.uri.rstrip('/')}_predictions"


def _selected(snapshot: Snapshot, selection: Selection) -> Scope:
    """The partitions with files that may hold selected rows."""
    partitions = (f.partition for f in snapshot.files if not selection.excludes(f.partition))
    return Scope.of(kept_partitions(snapshot), partitions)


def _takes_whole_partitions(snapshot: Snapshot, selection: Selection) -> bool:
    """True where partition columns alone decide, so that partitions are selected as a whole.

    A table without partitions is one.
    """
    return {*selection.columns} <= {*kept_partitions(snapshot)}


def _made_from(output: Output, snapshot: Snapshot) -> str | None:
    """The table that all rows of the output were made from; None where it is unknown.

    An older petafit did not write that down, but gave each table an output of its own.
    """
    by_default = Folder(f"{snapshot.uri}_predictions") == Folder(output.uri)
    unsaid = snapshot.uri if by_default or output.partition_by else None
    found = read_mark(Folder(output.uri)).get("source", unsaid)
    return None if found is None else str(found)


def _lost(
    output: Output, reason: str, *, got: str, hint: str, expected: str | None = None
) -> ConfigurationError:
    return ConfigurationError(
        f"{output.uri} has rows that would be lost: {reason}",
        expected=expected,
        got=got,
        hint=hint,
    )
