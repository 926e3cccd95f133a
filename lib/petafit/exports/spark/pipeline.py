"""A linear model as a `PipelineModel` of Spark ML's own stages, its features included.

Margins are sums: one part of every array of hashed texts, which a linear model computes of their
counts, and one of every number. A last linear model adds the parts up, and has the outputs that
users of Spark ML expect. So no vector holds hashed indices and numbers at once, which only
VectorAssembler could make; it would list a million indices in the column's metadata.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.feature import HashingTF, Normalizer, SQLTransformer, VectorAssembler
from pyspark.sql import SparkSession

from petafit.config.section import Scalar
from petafit.exports.linear import LinearForm
from petafit.exports.spark.features import cyclic, grams, number, terms
from petafit.exports.spark.models import ModelMaker
from petafit.features.encoder import Encoder
from petafit.features.feature import Cyclic, Numeric, Text
from petafit.models.signature import Signature
from petafit.table.filters.literals import as_sql, quoted

_ROW = "__petafit_row"
_PARTS = "__petafit_parts"
_OUT = "__petafit_out"
_RAW, _PROBABILITY = "__petafit_raw", "__petafit_probability"


@dataclass(frozen=True)
class _Hashed:
    """An array of texts whose counts have weights of their own.

    Attributes
    ----------
    name : str
        Of its columns.
    sql : str
        An expression of the array.
    normed : bool
        The counts of a row are scaled to a Euclidean length of 1.
    """

    name: str
    sql: str
    normed: bool


def as_pipeline(session: SparkSession, model: Signature, form: LinearForm) -> PipelineModel:
    """Return a pipeline that adds a model's predictions to a DataFrame of raw columns.

    Raises
    ------
    ConfigurationError
        The session is one of Spark Connect.
    """
    maker, encoder = ModelMaker(session), model.encoder
    hashed = list(_hashed(encoder, model))
    numbers = list(_numbers(encoder, model))
    columns = [f"__petafit_number_{place}" for place in range(len(numbers))]
    selected = [f"struct(*) AS {_ROW}", *(f"{each.sql} AS {each.name}" for each in hashed)]
    selected += [f"{sql} AS {column}" for sql, column in zip(numbers, columns, strict=True)]
    stages: list[Transformer] = [
        SQLTransformer(statement=f"SELECT {', '.join(selected)} FROM __THIS__")
    ]
    for each in hashed:
        stages += _part(maker, each, form.weights[:, : encoder.space.n_hashed])
    parts = [f"{each.name}_part" for each in hashed] + columns
    stages.append(VectorAssembler(inputCols=parts, outputCol=_PARTS))
    weights = np.concatenate(
        [*(np.eye(form.n_outputs) for _ in hashed), form.weights[:, encoder.space.numbers]], axis=1
    )
    stages += _last(maker, form, weights, model.classes)
    return PipelineModel(stages)


def _numbers(encoder: Encoder, model: Signature) -> Iterator[str]:
    """Expressions of the numbers, in the order of their indices."""
    single = encoder.dtype == "float32"
    for feature in encoder.features:
        if isinstance(feature, Numeric):
            yield number(feature, encoder.statistics, single=single)
    for feature in encoder.features:
        if isinstance(feature, Cyclic):
            yield cyclic(feature, model.schema, single=single)


def _hashed(encoder: Encoder, model: Signature) -> Iterator[_Hashed]:
    counted = terms(encoder.features, model.schema)
    if counted is not None:
        yield _Hashed("__petafit_terms", counted, normed=False)
    normed = [f for f in encoder.features if isinstance(f, Text) and f.norm == "l2"]
    for place, feature in enumerate(normed):
        yield _Hashed(f"__petafit_grams_{place}", grams(feature), normed=True)


def _part(maker: ModelMaker, hashed: _Hashed, weights: np.ndarray) -> Iterator[Transformer]:
    """Stages that compute what an array of texts adds to the margins: a number, or a vector."""
    vector, part = f"{hashed.name}_counts", f"{hashed.name}_part"
    yield HashingTF(inputCol=hashed.name, outputCol=vector, numFeatures=weights.shape[1])
    if hashed.normed:
        scaled = f"{vector}_scaled"
        yield Normalizer(inputCol=vector, outputCol=scaled, p=2.0)
        vector = scaled
    if len(weights) == 1:
        yield maker.value(weights[0], 0.0).setFeaturesCol(vector).setPredictionCol(part)
        return
    several = maker.classes(weights, np.zeros(len(weights)), n_classes=len(weights))
    several.setFeaturesCol(vector).setRawPredictionCol(part)
    yield several.setProbabilityCol("").setPredictionCol("")


def _last(
    maker: ModelMaker,
    form: LinearForm,
    weights: np.ndarray,
    classes: Sequence[Scalar] | None,
) -> list[Transformer]:
    """Stages that add the parts up, and give the outputs their names."""
    adding: Any
    outputs = [f"{_OUT} AS prediction"]
    if classes is None:
        adding = maker.value(weights[0], form.intercepts[0])
        if form.link == "rate":
            outputs = [f"exp(least({_OUT}, {form.largest!r}D)) * {form.scale!r}D AS prediction"]
    else:
        listed = ", ".join(map(as_sql, classes))
        outputs += [f"element_at(array({listed}), CAST({_OUT} AS INT) + 1) AS predicted_class"]
        outputs.insert(0, f"{_RAW} AS {quoted('rawPrediction')}")
        if form.link == "margin" and form.n_outputs == 1:
            adding = maker.margin(weights[0], form.intercepts[0])
        else:
            adding = maker.classes(weights, form.intercepts, n_classes=len(classes))
            probable = form.link != "margin"
            adding.setProbabilityCol(_PROBABILITY if probable else "")
            if probable:
                outputs.insert(1, f"{_PROBABILITY} AS probability")
        adding.setRawPredictionCol(_RAW)
    adding.setFeaturesCol(_PARTS).setPredictionCol(_OUT)
    return [
        adding,
        SQLTransformer(statement=f"SELECT {_ROW}.*, {', '.join(outputs)} FROM __THIS__"),
    ]
