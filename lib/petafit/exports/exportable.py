"""Refusal of models whose features another program cannot compute."""

from collections.abc import Iterator, Mapping

from petafit.config.exporting import ExportFormat
from petafit.errors import ConfigurationError
from petafit.features.feature import Categorical, Cross, Feature, Text, Vector, needs_table
from petafit.models.signature import Signature

_ADDED: Mapping[ExportFormat, tuple[str, ...]] = {
    "spark": ("rawPrediction", "probability", "prediction", "predicted_class"),
    "onnx": ("probabilities", "margins", "prediction", "predicted_class"),
}
"""The names of the outputs."""

_PREDICT = "Elsewhere predict with petafit: `load_model(...).predict`, or `.transform` in Spark."


def check_features(model: Signature, to: ExportFormat) -> None:
    """Refuse a model with features that the format cannot express.

    Raises
    ------
    ConfigurationError
        Names each feature, and why.
    """
    reasons = [*_reasons(model, to), *_taken(model, to)]
    if reasons:
        raise ConfigurationError(
            f"The features of this model cannot be exported to {to}",
            hint=_PREDICT,
            details=reasons,
        )


def _reasons(model: Signature, to: ExportFormat) -> Iterator[str]:
    encoder = model.encoder
    if model.requirement is not None:
        yield (
            "functions of a module of its own: write their columns into the table by `prepare`, "
            "and train on these"
        )
    if model.stages is not None:
        yield "stages of Spark ML: write their columns into the table by `prepare`"
    for feature in encoder.features:
        if isinstance(feature, Vector):
            yield f"{feature.name}: a vector of Spark ML"
        elif needs_table(feature):
            yield f"{feature.name}: needs a table of the training rows' values"
        elif isinstance(feature, Text) and to == "onnx":
            yield f"{feature.name}: text, which ONNX cannot split as petafit does; Spark can"
    if encoder.unicode and any(map(_is_text, encoder.features)):
        yield (
            f"`unicode: {encoder.unicode}`: neither Spark nor ONNX normalizes texts; do it in "
            "`prepare`, and train without"
        )


def _taken(model: Signature, to: ExportFormat) -> Iterator[str]:
    added = {name.lower() if to == "spark" else name for name in _ADDED[to]}
    for name in model.schema.names:
        if (name.lower() if to == "spark" else name) in added:
            yield f"the column {name!r} has the name of an output: rename it, and train again"


def _is_text(feature: Feature) -> bool:
    if isinstance(feature, Cross):
        return any(map(_is_text, feature.parts))
    return isinstance(feature, Text) or type(feature) is Categorical
