"""A linear model as an ONNX graph, its features included."""

from collections.abc import Mapping

import numpy as np
from onnx import ModelProto, TensorProto

from petafit.config.section import Scalar
from petafit.errors import ConfigurationError
from petafit.exports.linear import LinearForm, Link
from petafit.exports.onnx.features import FeatureNodes
from petafit.exports.onnx.graph import Graph
from petafit.exports.onnx.inputs import NULL_INTEGER, NULL_TEXT, Input
from petafit.features.classes import class_array
from petafit.features.feature import Categorical, Cross, Cyclic, Numeric
from petafit.models.signature import Signature

CLASS = "predicted_class"
PREDICTION: Mapping[Link, str] = {
    "logistic": "probabilities",
    "softmax": "probabilities",
    "margin": "margins",
    "value": "prediction",
    "rate": "prediction",
}
"""The names of the outputs: the class, and the prediction by its link."""

_MOST_BYTES = (1 << 31) - (1 << 20)
"""Protocol buffers, and so ONNX files, end at 2 GB."""


def as_onnx(
    model: Signature, form: LinearForm, inputs: dict[str, Input], properties: dict[str, str]
) -> ModelProto:
    """Return a graph that predicts from one input a column.

    Raises
    ------
    ConfigurationError
        The weights are larger than a file of ONNX may be.
    """
    if form.weights.nbytes > _MOST_BYTES:
        raise ConfigurationError(
            "The weights do not fit into a file of ONNX",
            expected="less than 2 GB",
            got=f"{form.weights.nbytes / 1e9:.1f} GB",
            hint="Lower `hash_bits` and train again, or export to Spark.",
        )
    graph = Graph({*inputs, CLASS, PREDICTION[form.link]})
    nodes = FeatureNodes(graph, inputs, model.encoder.hash_bits)
    margins = graph.constant(form.intercepts[None, :])
    for part in (_of_numbers(graph, nodes, model, form), _of_hashed(graph, nodes, model, form)):
        if part is not None:
            margins = graph.add("Add", margins, part)
    _outputs(graph, margins, form, model.classes)
    null = {"null_text": NULL_TEXT, "null_integer": str(NULL_INTEGER)}
    return graph.finished(
        "petafit", f"{model.choice.name}, exported by petafit", {**properties, **null}
    )


def _of_numbers(
    graph: Graph, nodes: FeatureNodes, model: Signature, form: LinearForm
) -> str | None:
    """The margins' part of numbers, (n_rows, n_outputs)."""
    encoder = model.encoder
    single = encoder.dtype == "float32"
    numbers = [f for f in encoder.features if isinstance(f, Numeric)]
    found = [nodes.number(f, encoder.statistics, single=single) for f in numbers]
    waves = [f for f in encoder.features if isinstance(f, Cyclic)]
    found += [nodes.cyclic(f, single=single) for f in waves]
    if not found:
        return None
    columns = [graph.column(values) for values in found]
    weights = graph.constant(form.weights[:, encoder.space.numbers].T)
    return graph.add("MatMul", graph.add("Concat", *columns, axis=1), weights)


def _of_hashed(graph: Graph, nodes: FeatureNodes, model: Signature, form: LinearForm) -> str | None:
    """The margins' part of categories, (n_rows, n_outputs): weights looked up, and added up."""
    encoder = model.encoder
    features = [f for f in dict.fromkeys(encoder.features) if isinstance(f, Categorical | Cross)]
    if not features:
        return None
    indices = graph.add("Concat", *(graph.column(nodes.index(f)) for f in features), axis=1)
    table = form.weights[:, : encoder.space.n_hashed].T
    no_weight = np.zeros((1, form.n_outputs), table.dtype)
    weights = graph.constant(np.concatenate([table, no_weight]), table.dtype)
    found = graph.cast(graph.add("Gather", weights, indices, axis=0), TensorProto.DOUBLE)
    return graph.add("ReduceSum", found, graph.constant([1], np.int64), keepdims=0)


def _outputs(
    graph: Graph, margins: str, form: LinearForm, classes: tuple[Scalar, ...] | None
) -> None:
    first = graph.constant([1], np.int64)
    single = graph.add("Squeeze", margins, first) if form.n_outputs == 1 else ""
    name, double = PREDICTION[form.link], TensorProto.DOUBLE
    if classes is None:
        if form.link == "rate":
            rate = graph.add("Exp", graph.add("Min", single, graph.constant(form.largest)))
            single = graph.add("Mul", rate, graph.constant(form.scale))
        graph.output(name, single, double, [], "the prediction")
        return
    if form.link == "logistic":
        second = graph.add("Sigmoid", single)
        chosen = graph.add("Greater", second, graph.constant(0.5))
        columns = [graph.add("Sub", graph.constant(1.0), second), second]
        made = graph.add("Concat", *map(graph.column, columns), axis=1)
        graph.output(name, made, double, [2], f"of the classes {list(classes)}")
    elif form.n_outputs == 1:
        chosen = graph.add("Greater", single, graph.constant(0.0))
        graph.output(name, single, double, [], f"above 0 the class is {classes[1]!r}")
    else:
        probable = form.link == "softmax"
        made = graph.add("Softmax", margins, axis=1) if probable else margins
        chosen = graph.add("ArgMax", made, axis=1, keepdims=0)
        graph.output(name, made, double, [len(classes)], f"of the classes {list(classes)}")
    _label(graph, chosen, classes)


def _label(graph: Graph, chosen: str, classes: tuple[Scalar, ...]) -> None:
    listed = class_array(classes)
    texts = listed.dtype.kind in "OU"
    kind = TensorProto.STRING if texts else TensorProto.INT64
    values = graph.constant(listed, object if texts else np.int64)
    if listed.dtype.kind == "f":
        kind, values = TensorProto.DOUBLE, graph.constant(listed)
    label = graph.add("Gather", values, graph.cast(chosen, TensorProto.INT64))
    graph.output(CLASS, label, kind, [], "the class; of booleans 0 and 1")
