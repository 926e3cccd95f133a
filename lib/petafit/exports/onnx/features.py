"""Features as nodes of a graph: numbers, and the indices of hashed texts."""

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from petafit.exports.onnx.calendar import civil, clock
from petafit.exports.onnx.graph import CONTRIB, Graph
from petafit.exports.onnx.inputs import DOCS, NULL_INTEGER, NULL_TEXT, Form, Input
from petafit.features.column_statistics import TableStatistics
from petafit.features.encoding.hashing import SEED
from petafit.features.encoding.numeric import MISSING_BIN, Scaling
from petafit.features.feature import (
    CROSS,
    Binned,
    Boolean,
    Categorical,
    Cross,
    Cyclic,
    DatePart,
    Indicator,
    Numeric,
)

_KINDS: Mapping[Form, int] = {
    "text": TensorProto.STRING,
    "number": TensorProto.DOUBLE,
    "integer": TensorProto.INT64,
    "days": TensorProto.INT64,
    "microseconds": TensorProto.INT64,
}


class FeatureNodes:
    """Adds the nodes of features to a graph, whose inputs it declares.

    Parameters
    ----------
    inputs : mapping
        The inputs by column.
    hash_bits : int
    """

    def __init__(self, graph: Graph, inputs: Mapping[str, Input], hash_bits: int) -> None:
        self._graph, self._inputs = graph, inputs
        self._mask = graph.constant((1 << hash_bits) - 1, np.int64)
        self._nothing = graph.constant(1 << hash_bits, np.int64)
        for name, each in inputs.items():
            graph.input(name, _KINDS[each.form], DOCS[each.form])

    def number(self, feature: Numeric, statistics: TableStatistics, *, single: bool) -> str:
        """Return a feature's values, float64 of shape (n_rows,); 0 where it is left out."""
        add, constant = self._graph.add, self._graph.constant
        scaling = Scaling.of(feature, statistics.columns.get(feature.column))
        value, missing = self._number(feature.column), self._missing(feature.column)
        if feature.log1p:
            size = add("Log", add("Add", add("Abs", value), constant(1.0)))
            value = add("Mul", add("Sign", value), size)
        value = add("Div", add("Sub", value, constant(scaling.shift)), constant(scaling.divisor))
        fill = 0.0 if np.isnan(scaling.fill) else scaling.fill
        value = add("Where", missing, constant(fill), value)
        if single:
            value = self._graph.cast(value, TensorProto.FLOAT)
        return self._graph.cast(value, TensorProto.DOUBLE)

    def cyclic(self, feature: Cyclic, *, single: bool) -> str:
        """Return the values of a part on a circle, float64 of shape (n_rows,); 0 for null."""
        add, constant = self._graph.add, self._graph.constant
        part = add("Sub", self._date_part(feature), constant(feature.first, np.int64))
        missing = self._missing(feature.column)
        part = add("Where", missing, constant(0, np.int64), part)
        value = add("Gather", constant(list(feature.values)), part, axis=0)
        value = add("Where", missing, constant(0.0), value)
        if single:
            value = self._graph.cast(value, TensorProto.FLOAT)
        return self._graph.cast(value, TensorProto.DOUBLE)

    def index(self, feature: Categorical | Cross) -> str:
        """Return the index of each row's category, int64 (n_rows,); for none ``2**hash_bits``."""
        add = self._graph.add
        parts = feature.parts if isinstance(feature, Cross) else (feature,)
        found = [self._text(part) for part in parts]
        text, missing = found[0]
        for other, also_missing in found[1:]:
            text = add("StringConcat", add("StringConcat", text, self._word(CROSS)), other)
            missing = add("Or", missing, also_missing)
        named = add("StringConcat", self._word(f"{feature.name}="), text)
        hashed = add("MurmurHash3", named, domain=CONTRIB, seed=int(SEED), positive=1)
        index = add("BitwiseAnd", self._graph.cast(hashed, TensorProto.INT64), self._mask)
        return add("Where", missing, self._nothing, index)

    def _text(self, feature: Categorical) -> tuple[str, str]:
        """Return the texts of a category, and where there is none."""
        add, column = self._graph.add, feature.column
        match feature:
            case Indicator():
                missing = self._missing(column)
                texts = add("Where", missing, self._word("true"), self._word(""))
                return texts, add("Not", missing)
            case Binned():
                return self._bins(feature), self._never(column)
            case Boolean():
                return self._truths(column), self._missing(column)
            case DatePart():
                return self._written(self._date_part(feature)), self._missing(column)
        match self._inputs[column].form:
            case "text":
                return column, self._missing(column)
            case "integer":
                return self._written(column), self._missing(column)
            case _:
                return self._truths(column), self._missing(column)

    def _truths(self, column: str) -> str:
        is_true = self._graph.add("Greater", column, self._graph.constant(0.5))
        return self._graph.add("Where", is_true, self._word("true"), self._word("false"))

    def _bins(self, feature: Binned) -> str:
        add, graph = self._graph.add, self._graph
        value = graph.column(self._number(feature.column))
        reached = add("GreaterOrEqual", value, graph.constant([feature.edges]))
        axis = graph.constant([1], np.int64)
        count = add("ReduceSum", graph.cast(reached, TensorProto.INT64), axis, keepdims=0)
        missing = self._missing(feature.column)
        return add("Where", missing, self._word(MISSING_BIN), self._written(count))

    def _date_part(self, feature: DatePart | Cyclic) -> str:
        in_days = self._inputs[feature.column].form == "days"
        if feature.part in ("hour", "minute"):
            return clock(self._graph, feature.column, feature.part)
        return civil(self._graph, feature.column, feature.part, in_days=in_days)

    def _missing(self, column: str) -> str:
        add = self._graph.add
        match self._inputs[column].form:
            case "text":
                return add("Equal", column, self._word(NULL_TEXT))
            case "number":
                return add("IsNaN", column)
            case _:
                return add("Equal", column, self._graph.constant(NULL_INTEGER, np.int64))

    def _never(self, column: str) -> str:
        """False for each row."""
        missing = self._missing(column)
        return self._graph.add("And", missing, self._graph.add("Not", missing))

    def _number(self, column: str) -> str:
        if self._inputs[column].form == "number":
            return column
        return self._graph.cast(column, TensorProto.DOUBLE)

    def _written(self, whole: str) -> str:
        return self._graph.cast(whole, TensorProto.STRING)

    def _word(self, text: str) -> str:
        return self._graph.constant(text, object)
