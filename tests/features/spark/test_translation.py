"""Stages that petafit runs itself, against Spark: nulls, NaN, -0.0, unseen values, odd texts."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from petafit.errors import ContractError
from petafit.features.encoding.vectors import entries_of
from petafit.features.stages.outputs import OutputColumn
from petafit.features.stages.own import OwnStages, made_by, stages_from_plain, stages_to_plain

pytestmark = pytest.mark.spark

TEXTS = [
    "A  quick\tbrown\n fox",
    " leading and trailing  ",
    "",
    "   ",
    "ΌΣΟΣ ΣΑΣ Σ",
    "İstanbul I ı",
    "ﬁ ẞ straße Ǆ 漢字 \u00a0nbsp\u2003em",
    "one",
]
ROWS = pa.table(
    {
        "x": pa.array([1.5, None, float("nan"), -0.0, 0.0, 7.25, -3.0, 1e300]),
        "y": pa.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, None, 0.7]),
        "full": pa.array([0.1, -2.0, 0.0, 4.0, 5.5, -0.0, 7.0, 1e-300]),
        "one": pa.array([3.0] * 8),
        "float": pa.array([1.1, None, 3.3, 4.4, float("nan"), 6.6, 7.7, 8.8], pa.float32()),
        "int": pa.array([1, None, 3, 4, 8, 6, 7, 8], pa.int32()),
        "long": pa.array([1, 2**60 + 1, 3, 4, 5, None, 7, 8], pa.int64()),
        "city": pa.array(["b", "a", None, "c", "a", "b", "é", ""]),
        "yes": pa.array([True, False, None, True, True, False, False, True]),
        "text": pa.array(TEXTS),
    }
)
FITTED_ON = 5
"""Rows that the stages are fitted to: the others have values that they do not know."""

CASES: dict[str, list[dict[str, Any]]] = {
    "imputer": [
        {"Imputer": {"inputCols": ["x", "float", "int"], "outputCols": ["a", "b", "c"]}},
        {"Imputer": {"inputCols": ["x"], "outputCols": ["d"], "strategy": "median"}},
        {"Imputer": {"inputCol": "y", "outputCol": "e", "missingValue": 0.1}},
    ],
    "scaled": [
        {"Imputer": {"inputCols": ["x"], "outputCols": ["a"]}},
        {"VectorAssembler": {"inputCols": ["full", "one"], "outputCol": "v"}},
        {"StandardScaler": {"inputCol": "v", "outputCol": "s"}},
        {"StandardScaler": {"inputCol": "v", "outputCol": "m", "withMean": True}},
        {"StandardScaler": {"inputCol": "v", "outputCol": "c", "withStd": False, "withMean": True}},
        {"MinMaxScaler": {"inputCol": "v", "outputCol": "r"}},
        {"MinMaxScaler": {"inputCol": "v", "outputCol": "q", "min": -1.0, "max": 3.0}},
    ],
    "assembled with gaps": [
        {
            "VectorAssembler": {
                "inputCols": ["x", "int", "yes", "long"],
                "outputCol": "v",
                "handleInvalid": "keep",
            }
        },
        {"VectorAssembler": {"inputCols": ["v", "full"], "outputCol": "w"}},
    ],
    "one hot": [
        {
            "StringIndexer": {
                "inputCols": ["city", "int"],
                "outputCols": ["i", "j"],
                "handleInvalid": "keep",
            }
        },
        {"OneHotEncoder": {"inputCols": ["i"], "outputCols": ["o"]}},
        {
            "OneHotEncoder": {
                "inputCols": ["i", "j"],
                "outputCols": ["p", "q"],
                "dropLast": False,
                "handleInvalid": "keep",
            }
        },
        {"Bucketizer": {"inputCol": "y", "outputCol": "b", "splits": [0.0, 0.2, 0.3, 1.0]}},
        {"Imputer": {"inputCols": ["int"], "outputCols": ["c"]}},
        {
            "OneHotEncoder": {
                "inputCols": ["b", "c"],
                "outputCols": ["n", "m"],
                "handleInvalid": "keep",
            }
        },
        {"VectorAssembler": {"inputCols": ["o", "p", "full"], "outputCol": "v"}},
    ],
    "buckets": [
        {
            "Bucketizer": {
                "inputCol": "x",
                "outputCol": "a",
                "splits": [-float("inf"), 0.0, 1.5, 7.25, float("inf")],
                "handleInvalid": "keep",
            }
        },
        {
            "Bucketizer": {
                "inputCols": ["y", "int"],
                "outputCols": ["b", "c"],
                "splitsArray": [[0.1, 0.2, 0.7], [0.0, 3.0, 8.0]],
            }
        },
        {
            "QuantileDiscretizer": {
                "inputCol": "x",
                "outputCol": "d",
                "numBuckets": 3,
                "handleInvalid": "keep",
            }
        },
    ],
    "text": [
        {"Tokenizer": {"inputCol": "text", "outputCol": "words"}},
        {"NGram": {"inputCol": "words", "outputCol": "pairs", "n": 2}},
        {"HashingTF": {"inputCol": "words", "outputCol": "h", "numFeatures": 1000}},
        {"HashingTF": {"inputCol": "pairs", "outputCol": "g", "binary": True}},
    ],
    "hashed": [
        {"FeatureHasher": {"inputCols": ["city", "yes", "x"], "outputCol": "h"}},
        {
            "FeatureHasher": {
                "inputCols": ["city", "int", "yes", "full", "float"],
                "outputCol": "k",
                "numFeatures": 7,
                "categoricalCols": ["int"],
            }
        },
    ],
}


def plain(column: pa.ChunkedArray | pa.Array, output: OutputColumn) -> list[Any]:
    """Values that can be compared: of a vector its entries, but for zeros."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not output.size:
        return [repr(each) for each in whole.to_pylist()]
    entries = entries_of(whole, output.size, output.name)
    rows: list[Any] = [None if null else [] for null in whole.is_null().to_pylist()]
    for row, slot, value in zip(*entries, strict=True):
        if value != 0:
            rows[row].append((int(slot), repr(float(value))))
    return [None if row is None else sorted(row) for row in rows]


def as_column(values: list[Any], output: OutputColumn) -> pa.Array:
    from pyspark.ml.linalg import VectorUDT

    if not output.size:
        return pa.array(values, output.type)
    parts = (None if each is None else VectorUDT().serialize(each) for each in values)
    names = [field.name for field in output.type]
    rows = [None if part is None else dict(zip(names, part, strict=True)) for part in parts]
    return pa.array(rows, output.type)


def fitted(spark: Any, stages: Sequence[Any], rows: pa.Table) -> tuple[Any, Any, Any, Any]:
    from petafit.features.spark.fitted import SparkStages
    from petafit.features.spark.pipeline import make_stages
    from petafit.features.spark.translate import own_stages
    from petafit.spark.compatibility import frame_of

    made = make_stages(stages, ())
    schema = frame_of(spark, rows.slice(0, 1)).schema
    frame = spark.createDataFrame(rows.to_pylist(), schema)
    from pyspark.ml import Pipeline

    model = Pipeline(stages=made).fit(spark.createDataFrame(rows.to_pylist()[:FITTED_ON], schema))
    applied = SparkStages(model, tuple(rows.schema.names))
    outputs = applied.outputs(frame)
    table = [OutputColumn(field.name, field.type) for field in rows.schema]
    return applied, frame, outputs, own_stages(made, model.stages, outputs, table)


@pytest.mark.parametrize("name", CASES)
def test_a_stage_gives_what_spark_gives(name: str, spark: Any) -> None:
    applied, frame, outputs, own = fitted(spark, CASES[name], ROWS)
    columns = {column.name: column for each in outputs for column in each}
    assert [stage for stage in own if stage is None] == []
    own = stages_from_plain(stages_to_plain(own))
    assert [name for stage in own for name in made_by(stage)] == list(columns)
    by_spark = applied.apply(frame, tuple(columns)).collect()
    (batch,) = ROWS.combine_chunks().to_batches()
    by_petafit = OwnStages(own, tuple(columns)).extend(batch)
    for output in columns.values():
        expected = plain(as_column([row[output.name] for row in by_spark], output), output)
        assert plain(by_petafit.column(output.name), output) == expected, output.name
        if not output.size:
            assert by_petafit.column(output.name).type == output.type


REFUSED: dict[str, dict[str, Any]] = {
    "VectorAssembler": {"inputCols": ["y", "full"], "outputCol": "v"},
    "StringIndexer": {"inputCol": "new", "outputCol": "i"},
    "Bucketizer": {"inputCol": "full", "outputCol": "b", "splits": [-3.0, 0.0, 6.0]},
    "Tokenizer": {"inputCol": "late", "outputCol": "w"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_row_that_spark_refuses_is_refused(name: str, spark: Any) -> None:
    """Rows after those of the fit have nulls, and values that are not known."""
    rows = ROWS.append_column("new", pa.array(["a"] * 6 + ["b", "a"]))
    rows = rows.append_column("late", pa.array(["a"] * 6 + [None, "a"]))
    applied, frame, outputs, (own,) = fitted(spark, [{name: REFUSED[name]}], rows)
    (output,) = outputs[0]
    with pytest.raises((PySparkException, Py4JJavaError)):
        applied.apply(frame, (output.name,)).collect()
    (batch,) = rows.combine_chunks().to_batches()
    with pytest.raises(ContractError, match=f"The stage {name} cannot take .* row 6 of a batch"):
        OwnStages((own,), (output.name,)).extend(batch)


def test_chains_are_run_by_one(spark: Any) -> None:
    """PCA, which only Spark has, keeps in Spark what leads to it; the rest is petafit's."""
    stages = [
        {"VectorAssembler": {"inputCols": ["full", "one"], "outputCol": "v"}},
        {"PCA": {"inputCol": "v", "outputCol": "p", "k": 1}},
        {"Tokenizer": {"inputCol": "text", "outputCol": "words"}},
        {"MinMaxScaler": {"inputCol": "v", "outputCol": "r"}},
        {"HashingTF": {"inputCol": "words", "outputCol": "h"}},
        {"SQLTransformer": {"statement": "SELECT *, full + 1 AS more FROM __THIS__"}},
    ]
    *_, own = fitted(spark, stages, ROWS)
    assert [stage is not None for stage in own] == [False, False, True, False, True, False]
