"""The settings of one run: small frozen sections that refuse unknown keys."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    ByteSize,
    Field,
    JsonValue,
    model_validator,
)

from petafit.config.datasets import ClicksDataset, TextsDataset
from petafit.config.exporting import Exporting
from petafit.config.feature_groups import FeatureGroup, UnicodeForm
from petafit.config.placeholders import Template, Templates
from petafit.config.searching import Searching
from petafit.config.section import Names, Scalar, Section
from petafit.config.spark import Spark
from petafit.config.storage import Storage
from petafit.config.tables import Preparation
from petafit.config.tables import Table as Table


def _as_uri(value: object) -> object:
    return {"uri": value} if isinstance(value, str) else value


def _as_column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _as_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _refuse_repeated(what: str, names: Iterable[object]) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} names {repeated[0]!r} twice")


class Paths(Section):
    """Persistent folders, on the local disk or at any URI supported by pyarrow."""

    data: str = Field("data", description="raw files that `prepare` reads")
    runs: str = Field("runs", description="run folders")
    models: str = Field("models", description="published models")
    cache: str | None = Field(
        None,
        description="local folder for training.cache; null: Spark's own, else the temporary one",
    )


class Label(Section):
    """The target column."""

    column: str | None = Field(None, description="its name; null: the learner needs none")
    kind: Literal["auto", "classes", "number"] = Field(
        "auto", description="classification or regression; auto asks the learner"
    )
    classes: tuple[Scalar, ...] | None = Field(
        None, description="all classes, in order; null finds them in the training rows"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.column is None and (self.kind != "auto" or self.classes is not None):
            raise ValueError("kind and classes need column: they say what it holds")
        if self.classes is not None:
            if self.kind == "number":
                raise ValueError("a label of kind number has no classes")
            _refuse_repeated("classes", self.classes)
            if len(self.classes) < 2:
                raise ValueError("classes must name two classes or more, or be null")
        return self


class Split(Section):
    """Selection of training and test rows: by conditions, or by a hash of the keys."""

    train: Templates = Field((), description="conditions on rows to train on: `day < 9`")
    validation: Templates = Field((), description="on those of them that end training instead")
    test: Templates = Field((), description="on rows to test on")
    test_share: float | None = Field(None, gt=0, lt=1, description="share of keys held out")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.test_share is not None and (self.train or self.test):
            raise ValueError("give either test_share, or train and test")
        if self.test and not self.train:
            raise ValueError("test needs train too: without it the test rows would be trained on")
        return self


class ColumnRule(Section):
    """Constraints on a column's values."""

    type: str | None = Field(None, description="the column's type as Arrow names it")
    nullable: bool = Field(True, description="false: a row with null or NaN breaks the contract")
    min: float | None = Field(None, description="the least value that is good")
    max: float | None = Field(None, description="the greatest")
    allowed: tuple[Scalar, ...] | None = Field(None, description="all values that are good")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


class Contract(Section):
    """Constraints on the table's rows; rows that violate them are quarantined."""

    max_bad_share: float = Field(0.01, ge=0, le=1, description="above it the job fails, exit 3")
    columns: dict[str, ColumnRule] = Field(
        default_factory=dict, description="what each column must hold"
    )


class LearnerChoice(Section):
    """A learner, by its name, and its parameters."""

    name: str = Field("petafit.OnlineLinearClassifier", description="FAMILY.ClassName")
    params: dict[str, JsonValue] = Field(
        default_factory=dict, description="of its constructor: {learning_rate: 0.1}"
    )


class Training(Section):
    """Settings of the training."""

    shards: int | None = Field(
        None, ge=1, description="of the training rows; null: one for each of the engine's slots"
    )
    rounds: int = Field(1, ge=1, description="passes over the training rows")
    merge: Literal["auto", "stacked", "mean", "touched", "evidence"] = Field(
        "auto", description="how approximate learners are merged; auto is the learner's best"
    )
    merge_holdout: int = Field(
        100_000, ge=0, description="rows held out to fit each stacked merge; 0: none"
    )
    parts: int | None = Field(
        None,
        ge=1,
        description="how often shards merge within the first round; null: by their number",
    )
    newton: int = Field(
        0,
        ge=0,
        description="passes of refinement after the rounds, each an L-BFGS step over all rows that "
        "lowers the weighted mean loss + l2/2 |w|^2, l2 of learner.params, the intercept left out "
        "(with ftrl, whose l2 belongs to the sum of losses: l2 / weight of all rows); a step "
        "counts only if it is better on split.validation, or else on half of the merge holdout",
    )
    patience: int = Field(
        1, ge=1, description="rounds without gain on split.validation, or on the merge holdout"
    )
    keep_summaries: Names = Field(
        (),
        description="partition columns of the table: each of their values is a shard, whose "
        "summary stays in the run folder, so that it can be taken out of the model again",
    )
    seed: int = Field(0, description="of all that is drawn at random")
    cache: ByteSize | None = Field(
        None,
        description="local disk on each machine for encoded rows, so that later rounds need not "
        "decode them again: 20GB; null: none",
    )
    memory: ByteSize | None = Field(
        None,
        description="of each worker for the rows that XGBoost needs as a whole: 8GB; rows that "
        "would take more stay on the local disk, in paths.cache. null: half of what is free, "
        "shared by the workers of one machine; on a cluster no limit",
    )
    batch_rows: int = Field(16384, ge=1, description="rows encoded and learnt from at a time")
    checkpoint_seconds: float = Field(60, gt=0, description="how often a shard's state is saved")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.keep_summaries:
            _refuse_repeated("keep_summaries", self.keep_summaries)
            if self.rounds > 1 or self.newton:
                raise ValueError(
                    "keep_summaries needs rounds: 1 and newton: 0, since what one round learns of "
                    "a partition is in all that later rounds learn"
                )
        return self


class Scoring(Section):
    """Input and output of `petafit score`."""

    table: Annotated[Table | None, BeforeValidator(_as_uri)] = Field(
        None, description="null scores the task's own table; its filter is `table.filter`"
    )
    output: Template | None = Field(None, description="null writes <table>_predictions")
    format: Literal["delta", "parquet"] = Field("delta", description="of the output")
    replace: Literal["auto", "partitions", "logical_date", "table"] = Field(
        "auto",
        description="what of an earlier output: the partitions scored, the rows of the run's "
        "logical date (the output is then partitioned by it), or the whole table. auto: partitions "
        "where table.filter takes whole ones, else the logical date's rows; what else would lose "
        "rows is refused",
    )


class Explaining(Section):
    """Scope of `petafit explain`."""

    influence: Literal["partitions"] | None = Field(
        None,
        description="what each partition kept by training.keep_summaries does to the loss on the "
        "test rows",
    )


class Settings(Section):
    """All settings of one run.

    Built by `petafit.config.layers.load_settings` from the layered files, or directly:
    ``Settings(task="mine", table="data/mine", label="y")``.
    """

    task: str = Field(description="the task's name")
    environment: str = Field("local", description="the name of the file in conf")
    engine: Literal["spark", "local"] = Field("spark", description="local needs no JVM")
    stream: Literal["auto", "direct", "scan"] = Field(
        "auto", description="who reads: the workers, or Spark's own scan"
    )
    paths: Paths = Paths()
    storage: Storage = Storage()
    spark: Spark = Spark()
    dataset: Annotated[
        Annotated[ClicksDataset | TextsDataset, Field(discriminator="name")] | None,
        BeforeValidator(_as_name),
    ] = None
    functions: str | None = Field(
        None,
        description="a Python file of functions declared by @petafit.function, for queries and "
        "features; beside the task's file, if that names it",
    )
    prepare: Preparation | None = None
    table: Annotated[Table, BeforeValidator(_as_uri)] = Field(
        Table(), description="without one the caller passes a DataFrame"
    )
    label: Annotated[Label, BeforeValidator(_as_column)] = Label()
    weight: str | None = Field(
        None, description="a column of row weights; a row of weight 0 is left out, as by a filter"
    )
    keys: Names = Field((), description="columns that identify rows; copied to predictions")
    split: Split = Split()
    features: Literal["auto"] | tuple[FeatureGroup, ...] = "auto"
    unicode: UnicodeForm | None = Field(
        None,
        description="normalization form of texts of features and of the label, "
        "so that é is one text however it is stored: NFC is the usual one; null: none. Keys, "
        "conditions, the contract and outputs have texts as they are stored",
    )
    hash_bits: int = Field(
        18,
        ge=1,
        le=30,
        description="2**hash_bits indices of categories and texts; each number has one of its own",
    )
    contract: Contract = Contract()
    learner: Annotated[LearnerChoice, BeforeValidator(_as_name)] = LearnerChoice()
    training: Training = Training()
    model: str | None = Field(
        None,
        description="its name, NAME@3 or NAME@champion; null: the latest of the task's name",
    )
    score: Scoring = Scoring()
    explain: Explaining = Explaining()
    export: Exporting = Exporting()
    search: Searching = Searching()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _refuse_repeated("keys", self.keys)
        if self.split.test_share is not None and not self.keys:
            raise ValueError(
                "split.test_share needs keys: it is a share of their values that is held out"
            )
        if self.split.test_share is not None and self.keys == (self.label.column,):
            raise ValueError(
                "split.test_share needs other keys than the label: it would hold out whole classes"
            )
        return self

    @property
    def model_name(self) -> str:
        """Return the name under which the model is published."""
        return self.model or self.task
