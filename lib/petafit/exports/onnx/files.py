"""Graphs of ONNX as files: written, and asked for predictions by ONNX Runtime."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pyarrow as pa

from petafit.errors import StorageError
from petafit.exports.linear import LinearForm
from petafit.exports.onnx.graph import DIALECTS
from petafit.exports.onnx.inputs import inputs_of
from petafit.exports.onnx.model import PREDICTION, as_onnx
from petafit.models.signature import Signature
from petafit.store.filesystem import Folder

FILE = "model.onnx"
_BATCH_ROWS = 8192


def write_graph(
    model: Signature, form: LinearForm, properties: dict[str, str], folder: Folder
) -> None:
    """Write a model's graph.

    Raises
    ------
    ConfigurationError
        It is too large for a file, or a column has a type that ONNX lacks.
    """
    inputs = inputs_of(model.encoder.features, model.schema)
    made = as_onnx(model, form, inputs, properties)
    folder.write(FILE, made.SerializeToString())


def predicted_by_graph(
    model: Signature, form: LinearForm, folder: Folder, rows: pa.Table
) -> np.ndarray:
    """Return the predictions of a written graph, in the form of `Signature.predict_batch`.

    Raises
    ------
    StorageError
        ONNX Runtime cannot run the graph.
    """
    try:
        session = onnxruntime.InferenceSession(
            folder.read(FILE), providers=["CPUExecutionProvider"]
        )
        return np.concatenate([*_predictions(session, model, form, rows)])
    except Exception as error:  # its exceptions have no root of their own
        raise StorageError(
            "ONNX Runtime cannot run the graph that was written",
            got=f"{type(error).__name__}: {error}",
            hint="Install the locked version: pip install 'petafit[onnx]'.",
        ) from error


def _predictions(
    session: onnxruntime.InferenceSession, model: Signature, form: LinearForm, rows: pa.Table
) -> Iterator[np.ndarray]:
    inputs = inputs_of(model.encoder.features, model.schema)
    names = {each.name for each in session.get_inputs()}
    for batch in rows.to_batches(max_chunksize=_BATCH_ROWS):
        given = {
            name: each.values(batch.column(name)) for name, each in inputs.items() if name in names
        }
        (found,) = session.run([PREDICTION[form.link]], given)
        yield found[:, 1] if form.link == "logistic" else found


def dialects() -> dict[str, Any]:
    """Return the versions of ONNX, its runtime and the operators that graphs need."""
    return {
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
        "opset": {name or "ai.onnx": version for name, version in DIALECTS.items()},
    }
