"""Columns of the predictions and decisions of a classifier of Spark's, by the label's classes."""

from typing import Any

from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812  (the name Spark's own documentation uses)

from petafit.features.column_statistics import TableStatistics
from petafit.learners.mllib.classes import NEVER, positions


def prediction_column(fitted: Any, statistics: TableStatistics) -> Column:
    """Return a column of probabilities or margins in the order of the known classes."""
    probable = fitted.hasParam("probabilityCol")
    name = fitted.getProbabilityCol() if probable else fitted.getRawPredictionCol()
    numbers, places = vector_to_array(F.col(name)), _places(fitted, statistics)
    listed = len(statistics.classes or ())
    if listed == 2:
        return numbers[1] if probable else (numbers[1] - numbers[0]) / 2
    if places == tuple(range(listed)):
        return numbers
    absent = F.lit(0.0 if probable else NEVER)
    by_place = {place: numbers[i] for i, place in enumerate(places)}
    return F.array(*(by_place.get(place, absent) for place in range(listed)))


def decision_column(fitted: Any, statistics: TableStatistics) -> Column:
    """Return a column with the position of the class that Spark's model predicts."""
    decided, places = F.col(fitted.getPredictionCol()), _places(fitted, statistics)
    if places == tuple(range(len(places))):
        return decided
    return F.array(*(F.lit(float(place)) for place in places))[decided.cast("int")]


def _places(fitted: Any, statistics: TableStatistics) -> tuple[int, ...]:
    """Return the positions of the classes that a model distinguishes."""
    count = fitted.numClasses if hasattr(fitted, "numClasses") else len(fitted.models)
    return positions(statistics, count)
