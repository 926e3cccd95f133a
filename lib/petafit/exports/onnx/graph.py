"""An ONNX graph in the making."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, checker, helper, numpy_helper

OPSET = 20
"""The first with StringConcat; ONNX Runtime has it since 1.17."""
IR_VERSION = 9
CONTRIB = "com.microsoft"
"""The domain of ONNX Runtime's own operators, MurmurHash3 among them."""
DIALECTS = {"": OPSET, CONTRIB: 1}


class Graph:
    """Collects nodes and constants; values are referred to by their names.

    Parameters
    ----------
    taken : collection of str
        Names of inputs and outputs, which no other value gets.
    """

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._prefix = "v"
        while any(name.startswith(self._prefix) for name in taken):
            self._prefix += "_"
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return the output's name."""
        name = f"{self._prefix}{len(self._nodes)}"
        node = helper.make_node(operator, [*inputs], [name], domain=domain, **attributes)
        self._nodes.append(node)
        return name

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """Add a constant, and return its name; `dtype` object is for texts."""
        array = np.asarray(value, dtype)
        name = f"{self._prefix}_{len(self._constants)}"
        self._constants[name] = (
            numpy_helper.from_array(array, name)
            if array.dtype != object
            else helper.make_tensor(
                name,
                TensorProto.STRING,
                array.shape,
                [text.encode() for text in array.ravel().tolist()],
            )
        )
        return name

    def cast(self, value: str, kind: int) -> str:
        """Add a conversion to a type of `TensorProto`."""
        return self.add("Cast", value, to=kind)

    def column(self, value: str) -> str:
        """Make a column, (n_rows, 1), of a vector."""
        return self.add("Unsqueeze", value, self.constant([1], np.int64))

    def input(self, name: str, kind: int, doc: str) -> None:
        """Declare an input of one value a row."""
        made = helper.make_tensor_value_info(name, kind, ["rows"], doc_string=doc)
        self._inputs.append(made)

    def output(self, name: str, value: str, kind: int, shape: Sequence[Any], doc: str) -> None:
        """Let a value be an output of this name."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        made = helper.make_tensor_value_info(name, kind, ["rows", *shape], doc_string=doc)
        self._outputs.append(made)

    def finished(self, name: str, doc: str, properties: dict[str, str]) -> ModelProto:
        """Return the model, checked by ONNX."""
        graph = helper.make_graph(
            self._nodes, name, self._inputs, self._outputs, [*self._constants.values()]
        )
        made = helper.make_model(
            graph,
            producer_name="petafit",
            doc_string=doc,
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid(*each) for each in DIALECTS.items()],
        )
        helper.set_model_props(made, properties)
        checker.check_model(made)
        return made
