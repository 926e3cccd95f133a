"""An MLlib model's predictions as columns of a DataFrame, computed by Spark itself."""

from functools import lru_cache

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from petafit.errors import ConfigurationError
from petafit.features.feature import Cyclic, DatePart
from petafit.functions.arrow_columns import with_arrow_columns
from petafit.learners.base import DECISION, PREDICTION
from petafit.learners.mllib import estimators as mllib
from petafit.learners.mllib.files import check_files
from petafit.models.portable import PortableModel
from petafit.models.predictions import PredictionColumns
from petafit.models.signature import Signature
from petafit.models.spark.predicting import judge
from petafit.models.spark.rows import check_names
from petafit.models.spark.staged import ROW, staged
from petafit.models.spark.transform import PREDICTED, spread, stamps
from petafit.spark.failures import in_one_sentence
from petafit.store.filesystem import Folder
from petafit.table.filters.literals import quoted

_ZONE = "spark.sql.session.timeZone"


def transformed_by_mllib(frame: DataFrame, sent: PortableModel) -> DataFrame:
    """Return a frame with an MLlib model's predictions; raises like `LoadedModel.transform`.

    The frame's rows are packed meanwhile, since MLlib's stages add columns of common names. Only
    what the checks and the decision read goes to Python.
    """
    model, predictions = sent.load(), PredictionColumns(stamps=stamps(sent))
    check_names(frame, predictions)
    _check_zone(frame.sparkSession, model)
    assert sent.version is not None
    assert sent.version.attachment is not None  # no MLlib model exists but a published one
    packed = staged(frame, sent, model)
    with in_one_sentence("Spark cannot predict with this model"):
        fitted = _fitted(
            sent.version.attachment, model.encoder.n_features, _identity(frame.sparkSession)
        )
        found = mllib.predictions(fitted, packed, model.encoder.statistics)
    decision = [] if model.classes is None else [DECISION]
    names = (*model.checks.columns, PREDICTION, *decision)
    judged = with_arrow_columns(found, {PREDICTED: judge(sent, names, [*map(quoted, names)])})
    return spread(judged.select(f"{ROW}.*", PREDICTED), predictions, model)


@lru_cache(maxsize=4)
def _fitted(uri: str, n_features: int, session: str) -> PipelineModel:
    """Load a pipeline once a session: within `foreachBatch` it is asked for with every batch."""
    check_files(Folder(uri), n_features=n_features)
    return mllib.load(uri)


def _identity(session: SparkSession) -> str:
    """Return what changes when a loaded pipeline is no longer usable."""
    own = getattr(session, "session_id", None)  # of Spark Connect
    return str(own or session.sparkContext.applicationId)


def _check_zone(session: SparkSession, model: Signature) -> None:
    """Refuse another time zone than UTC, where Spark takes hours and days from instants.

    Raises
    ------
    ConfigurationError
        Names the zone.
    """
    zone = session.conf.get(_ZONE)
    if zone != "UTC" and any(
        isinstance(each, DatePart | Cyclic) for each in model.encoder.features
    ):
        raise ConfigurationError(
            "The model takes parts of dates from instants in UTC, and the session is in another "
            "time zone",
            got=f"{_ZONE}={zone}",
            hint=f"Set `{_ZONE}` to UTC.",
        )
