"""The weights of a model's features by name, as its manifest has them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from petafit.aggregate.checked import Checked
from petafit.explanation.index_names import IndexNames
from petafit.features.encoder import Encoder
from petafit.learners.mllib.weights import IndexWeights
from petafit.workflow.job import Job
from petafit.workflow.rows import TaskRows
from petafit.workflow.task import Task

_SHOWN = 50
"""The number of features that the manifest names."""


def feature_weights(
    job: Job, task: Task, encoder: Encoder, rows: TaskRows, weights: IndexWeights
) -> dict[str, Any]:
    """The largest weights with the names of their features, and how many others there are.

    Hashed features are named in a pass over the training rows, which reads the texts of those
    categories whose index is among the largest.
    """
    largest = weights.largest(_SHOWN).tolist()
    names: Mapping[int, str] = {}
    if largest:
        naming = Checked(task.checks, IndexNames(encoder, largest))
        source = rows.source("train", task.columns, task.derived)
        with job.run.stage("name features"):
            outcome = job.passes.run("name features", naming, source, rows=rows.expected("train"))
        names = outcome.result.result
    others = np.delete(weights.sizes, largest)
    return {
        "kind": weights.kind,
        "outputs": _outputs(encoder, weights),
        "features": [
            {
                "feature": names.get(index, f"index {index}"),
                "weights": weights.values[:, index].tolist(),
            }
            for index in largest
        ],
        "others": int(np.count_nonzero(others)),
    }


def _outputs(encoder: Encoder, weights: IndexWeights) -> list[Any] | None:
    """The class or cluster of each output, or None where there is one for the whole."""
    statistics = encoder.statistics
    if weights.kind == "centers":
        return list(range(len(weights.values)))
    if statistics.classes is None or len(weights.values) == 1:
        return None
    return [statistics.classes[place] for place in statistics.present]
