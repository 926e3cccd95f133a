"""Fitted stages of Spark as stages that petafit runs itself, where the two are equal to the bit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.ml import feature as library

from petafit.features.columns import is_boolean, is_string, is_vector
from petafit.features.spark.stage_columns import read_by
from petafit.features.stages.encoding import CutIntoBuckets, EncodeOneHot, IndexStrings
from petafit.features.stages.hashing import HashColumns, HashTerms
from petafit.features.stages.numbers import (
    AssembleVector,
    FillMissing,
    RescaleVector,
    StandardizeVector,
)
from petafit.features.stages.outputs import OutputColumn
from petafit.features.stages.own import OwnStage
from petafit.features.stages.words import JoinNgrams, SplitWords

_SMALL = (pa.int8(), pa.int16(), pa.int32())
_NUMBERS = (*_SMALL, pa.int64(), pa.float32(), pa.float64())
_MOST_SLOTS = 1 << 16
"""Slots beyond which the parameters of a scaler are not kept among those of a model."""


def translated(stage: Any, known: Mapping[str, OutputColumn]) -> OwnStage | None:
    """Return the stage that petafit runs instead; None where Spark has to.

    Parameters
    ----------
    stage : pyspark.ml.Transformer
        Fitted.
    known : mapping of str to OutputColumn
        The columns of the table, and those of earlier stages that petafit runs.
    """
    translate = _KINDS.get(type(stage))
    if translate is None:
        return None
    inputs, outputs = _names(stage, "input"), _names(stage, "output")
    if not inputs or any(name not in known for name in inputs):
        return None
    made: OwnStage | None = translate(stage, inputs, outputs, [known[name] for name in inputs])
    return made


def own_stages(
    made: Sequence[Any],
    fitted: Sequence[Any],
    outputs: Sequence[Sequence[OutputColumn]],
    table: Iterable[OutputColumn],
) -> tuple[OwnStage | None, ...]:
    """Return the stages that petafit runs instead of Spark; None for each that Spark runs.

    Stages that are linked by a column form a chain. All of a chain are run by the same: petafit has
    columns of Spark's stages only where Spark reads the rows, and Spark none of petafit's.

    Parameters
    ----------
    made, fitted : sequence of stages
        As declared, and after the fit.
    outputs : sequence of sequence of OutputColumn
        The columns that each adds.
    table : iterable of OutputColumn
        The columns of the table and of functions.
    """
    if any(not type(stage).__module__.startswith(library.__name__) for stage in made):
        return (None,) * len(made)  # a foreign stage may read columns that no parameter names
    # a list of the table may hold nulls, which Spark hashes and joins as it likes
    known = {column.name: column for column in table if not pa.types.is_list(column.type)}
    chain, own = list(range(len(made))), []
    for place, (stage, added) in enumerate(zip(fitted, outputs, strict=True)):
        own.append(translated(stage, known))
        known |= {column.name: column for column in added}
        for earlier in range(place):
            if read_by(made[place], [column.name for column in outputs[earlier]]):
                joined = chain[earlier]
                chain = [chain[place] if each == joined else each for each in chain]
    in_spark = {number for number, each in zip(chain, own, strict=True) if each is None}
    return tuple(
        None if number in in_spark else each for number, each in zip(chain, own, strict=True)
    )


def _names(stage: Any, what: str) -> tuple[str, ...]:
    for param in (f"{what}Cols", f"{what}Col"):
        if stage.hasParam(param) and stage.isSet(param):
            value = stage.getOrDefault(param)
            return (value,) if isinstance(value, str) else tuple(value)
    return ()


def _are(columns: list[OutputColumn], *kinds: pa.DataType) -> bool:
    return all(column.type in kinds for column in columns)


def _keeps(stage: Any) -> bool:
    return bool(stage.getHandleInvalid() == "keep")


def _imputer(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    if not _are(columns, *_SMALL, pa.float32(), pa.float64()):
        return None
    row = stage.surrogateDF.head()
    fills = tuple(float(row[name]) for name in inputs)
    return FillMissing(inputs, outputs, float(stage.getMissingValue()), fills)


def _assembler(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    fit = (c.type in (*_NUMBERS, pa.bool_()) or is_vector(c.type) for c in columns)
    if not all(fit):
        return None
    sizes = tuple(c.size if is_vector(c.type) else 1 for c in columns)
    return AssembleVector(inputs, outputs[0], sizes, _keeps(stage))


def _standard(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    size = columns[0].size
    if size > _MOST_SLOTS:
        return None
    means: tuple[float, ...] = ()
    factors: tuple[float, ...] = ()
    if stage.getWithMean():
        means = tuple(stage.mean.toArray().tolist())
    if stage.getWithStd():
        deviations = stage.std.toArray()
        factors = tuple(float(1 / each) if each != 0 else 0.0 for each in deviations)
    return StandardizeVector(inputs[0], outputs[0], size, means, factors)


def _minmax(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    if columns[0].size > _MOST_SLOTS:
        return None
    low, high = stage.getMin(), stage.getMax()
    minima, maxima = stage.originalMin.toArray(), stage.originalMax.toArray()
    factors = tuple(float((high - low) / width) if width != 0 else 0.0 for width in maxima - minima)
    middle = (low + high) / 2
    return RescaleVector(inputs[0], outputs[0], tuple(minima.tolist()), factors, low, middle)


def _indexer(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    if not all(is_string(c.type) or c.type in (*_SMALL, pa.int64()) for c in columns):
        return None
    return IndexStrings(inputs, outputs, tuple(map(tuple, stage.labelsArray)), _keeps(stage))


def _one_hot(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    if not _are(columns, *_NUMBERS):
        return None
    sizes = tuple(map(int, stage.categorySizes))
    return EncodeOneHot(inputs, outputs, sizes, bool(stage.getDropLast()), _keeps(stage))


def _bucketizer(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    if not _are(columns, *_NUMBERS):
        return None
    several = stage.isSet("splitsArray")
    splits = stage.getSplitsArray() if several else [stage.getSplits()]
    return CutIntoBuckets(inputs, outputs, tuple(map(tuple, splits)), _keeps(stage))


def _tokenizer(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    return SplitWords(inputs[0], outputs[0]) if is_string(columns[0].type) else None


def _ngram(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    return JoinNgrams(inputs[0], outputs[0], stage.getN())


def _terms(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    kind = columns[0].type
    if not pa.types.is_list(kind) or not is_string(kind.value_type):
        return None  # Spark hashes numbers otherwise than their texts
    return HashTerms(inputs[0], outputs[0], stage.getNumFeatures(), bool(stage.getBinary()))


def _hasher(stage: Any, inputs: Any, outputs: Any, columns: Any) -> OwnStage | None:
    categories = stage.getCategoricalCols() if stage.isSet("categoricalCols") else []
    real = tuple(c.type in _NUMBERS and c.name not in categories for c in columns)
    texts = [c for c, is_real in zip(columns, real, strict=True) if not is_real]
    plain = (*_SMALL, pa.int64())
    if not all(is_string(c.type) or is_boolean(c.type) or c.type in plain for c in texts):
        return None
    return HashColumns(inputs, outputs[0], stage.getNumFeatures(), real)


_KINDS: Mapping[type[Any], Any] = {
    library.ImputerModel: _imputer,
    library.VectorAssembler: _assembler,
    library.StandardScalerModel: _standard,
    library.MinMaxScalerModel: _minmax,
    library.StringIndexerModel: _indexer,
    library.OneHotEncoderModel: _one_hot,
    library.Bucketizer: _bucketizer,
    library.Tokenizer: _tokenizer,
    library.NGram: _ngram,
    library.HashingTF: _terms,
    library.FeatureHasher: _hasher,
}
