"""The columns of stages: which they read and write, by their parameters; stages that drop rows."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml import Estimator, Transformer

from petafit.errors import ConfigurationError, did_you_mean

_WRITTEN = ("outputCol", "outputCols")
_TARGETS = ("labelCol", "weightCol")
_CODE = ("statement", "formula")
_OWN = "pyspark.ml.feature"

_PROJECTION = re.compile(r"\s*SELECT\s.*\sFROM\s+__THIS__\s*;?\s*", re.IGNORECASE | re.DOTALL)
_OTHER_CLAUSE = re.compile(
    r"\b(SELECT|FROM|JOIN|WHERE|GROUP|HAVING|LIMIT|UNION|DISTINCT|OVER|TRANSFORM\s*\(.*\bUSING"
    r"|explode\w*|posexplode\w*|inline\w*|stack|json_tuple|reflect|java_method|try_reflect)\b",
    re.IGNORECASE | re.DOTALL,
)
_QUOTED = re.compile(
    r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL
)


@dataclass(frozen=True)
class StageColumns:
    """The columns that one stage reads and writes.

    Attributes
    ----------
    reads : tuple of str
        Columns of the table or of earlier stages, without those of `targets`.
    targets : tuple of str
        Label and weight, which it reads where it is fitted.
    writes : tuple of str
        Columns by its parameters; SQL and formulas make others.
    """

    reads: tuple[str, ...]
    targets: tuple[str, ...]
    writes: tuple[str, ...]


def columns_of_stages(
    stages: Sequence[Transformer | Estimator[Any]], table: Sequence[str], *, label: str | None
) -> list[StageColumns]:
    """Return the columns of each stage.

    Parameters
    ----------
    table : sequence of str
        The columns of the table and of functions, without the label.

    Raises
    ------
    ConfigurationError
        A stage reads a column that is neither the table's nor an earlier stage's, or the label; it
        does not name its output; or it would drop, repeat or mix rows.
    """
    found, known, is_open = [], [*table], False
    labels = [] if label is None else [label]
    for stage in stages:
        name = type(stage).__name__
        _refuse_other_rows(stage, name)
        given = _params(stage)
        reads = read_by(stage, known)
        targets = tuple(_texts([given.get(param) for param in _TARGETS]))
        if not is_open:
            _require_known(name, given, (*known, *labels))
        if any(_read(stage, given, labels)):
            raise ConfigurationError(
                f"The stage {name} reads the label {label!r}: it would leak the target",
                hint="Only `labelCol` may name it.",
            )
        writes = tuple(_texts([given.get(param) for param in _WRITTEN]))
        is_open |= not writes
        found.append(StageColumns(reads, targets, writes))
        known += [text for text in writes if text not in known]
    return found


def read_by(stage: Transformer | Estimator[Any], known: Sequence[str]) -> tuple[str, ...]:
    """Return which of some columns a stage reads, or may read, wherever it is applied."""
    given = _params(stage)
    if "." in re.split(r"[\s~+:*-]+", given.get("formula", "")):
        return tuple(known)
    return tuple(dict.fromkeys(_read(stage, given, known)))


def named_in(code: str, columns: Iterable[str]) -> Iterator[str]:
    """Yield the columns that SQL, or a formula, names: perhaps some that it only seems to name."""
    for column in columns:
        if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", code, re.IGNORECASE):
            yield column


def same(left: str, right: str) -> bool:
    """Return whether Spark takes two names for one column."""
    return left.lower() == right.lower()


def check_statement(statement: str) -> None:
    """Refuse SQL that does more than to compute columns of each row.

    Raises
    ------
    ConfigurationError
        It may drop, repeat or mix rows, read other tables, or call Java.
    """
    plain = _QUOTED.sub(" ", statement)
    inner = re.sub(r"\bFROM\s+__THIS__\b", " ", plain, count=1, flags=re.IGNORECASE)
    inner = re.sub(r"\bSELECT\b", " ", inner, count=1, flags=re.IGNORECASE)
    other = _OTHER_CLAUSE.search(inner)
    if other or not _PROJECTION.fullmatch(plain) or "*" not in plain:
        raise ConfigurationError(
            "The stage SQLTransformer has to give one row for each row here, with all its columns",
            expected="SELECT *, ... FROM __THIS__, with functions of a row only",
            got=statement if other is None else other[0],
            hint="Select rows by `table.filter`, or make a table by `prepare`.",
        )


def _refuse_other_rows(stage: Any, name: str) -> None:
    given = _params(stage)
    if given.get("handleInvalid") == "skip":
        raise ConfigurationError(
            f"The stage {name} would drop rows, by handleInvalid: skip",
            expected="handleInvalid: error or keep",
            hint="Select rows by `table.filter`, or use it in `prepare`.",
        )
    if isinstance(given.get("statement"), str):
        check_statement(given["statement"])
    written = [param for param in _WRITTEN if stage.hasParam(param)]
    if written and not any(stage.isSet(param) for param in written):
        raise ConfigurationError(
            f"The stage {name} does not name its output", expected=" or ".join(written)
        )


def _params(stage: Any) -> dict[str, Any]:
    """Return the parameters, defaults among them, but not the generated name of an output."""
    found = {param.name: value for param, value in stage.extractParamMap().items()}
    if "formula" in found:  # the columns that RFormula names are those it makes
        target = str(found["formula"]).partition("~")[0].strip()
        written = {"formula": found["formula"], "outputCol": found["featuresCol"]}
        return {**written, "labelCol": target} if target else written
    return {
        name: value for name, value in found.items() if name not in _WRITTEN or stage.isSet(name)
    }


def _read(stage: Any, given: dict[str, Any], known: Sequence[str]) -> Iterator[str]:
    """Yield the columns that a stage may read; of a foreign one every text may name a column."""
    is_own = type(stage).__module__ == _OWN
    for param, value in given.items():
        if param in (*_WRITTEN, *_TARGETS):
            continue
        if param in _CODE:
            code = str(value).partition("~")[2] if param == "formula" else str(value)
            yield from named_in(code, known)
        elif not is_own or param.endswith(("Col", "Cols")):
            for text in _texts(value):
                yield from (column for column in known if same(column, text))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _require_known(name: str, given: dict[str, Any], known: Sequence[str]) -> None:
    inputs = [given.get(param) for param in ("inputCol", "inputCols", "featuresCol", *_TARGETS)]
    for text in _texts(inputs):
        if not any(same(text, column) for column in known):
            raise ConfigurationError(
                f"The stage {name} reads {text!r}, which is neither a column of the table nor of "
                "an earlier stage",
                hint=did_you_mean(text, known),
            )
