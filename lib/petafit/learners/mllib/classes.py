"""The classes of an MLlib model among those of the label."""

import numpy as np

from petafit.features.column_statistics import TableStatistics

NEVER = -1e38
"""The margin of a class that is unknown to a model."""


def positions(statistics: TableStatistics, n_classes: int) -> tuple[int, ...]:
    """Return the positions of the classes that a model distinguishes.

    Spark numbers the classes of the training rows; models of earlier releases number all classes.
    """
    present = statistics.present
    return present if n_classes == len(present) else tuple(range(n_classes))


def in_order(numbers: np.ndarray, statistics: TableStatistics, *, probable: bool) -> np.ndarray:
    """Return a model's predictions in the order of the label's classes, in the form of learners.

    Parameters
    ----------
    numbers : ndarray of shape (n_rows,) or (n_rows, n_classes)
        For the classes that the model distinguishes; of two the second's number is enough.
    probable : bool
        They are probabilities, and not margins.
    """
    listed = len(statistics.classes or ())
    if numbers.ndim == 2 and listed == 2:
        return numbers[:, 1]
    if listed <= 2:
        return numbers
    if numbers.ndim == 1:
        first = 1 - numbers if probable else -numbers
        numbers = np.column_stack([first, numbers])
    ordered = np.full((len(numbers), listed), 0.0 if probable else NEVER)
    ordered[:, positions(statistics, numbers.shape[1])] = numbers
    return ordered
