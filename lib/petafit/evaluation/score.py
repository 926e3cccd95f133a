"""Scoring: writes every row of a table with its prediction."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from petafit.aggregate.aggregator import Composite
from petafit.aggregate.checked import RowCounts
from petafit.aggregate.sink import WriteFiles
from petafit.evaluation.evaluate import StartedModel
from petafit.models.predictions import OK, PredictionColumns
from petafit.store.arrays import StateDict
from petafit.table.contract import ValidatedBatch
from petafit.table.writers.files import WrittenFile


@dataclass(frozen=True)
class Scores:
    """The files with the predictions, and the number of all rows and of those without one."""

    files: list[WrittenFile]
    rows: int
    quarantined: int


class Score(Composite[pa.RecordBatch, Scores]):
    """Writes the predictions of the model that it is started with.

    Parameters
    ----------
    layout : PredictionColumns
    sink : WriteFiles
        Writes the files.
    """

    def __init__(self, layout: PredictionColumns, sink: WriteFiles) -> None:
        self.layout = layout
        self.sink = sink
        self.model = StartedModel("score")
        self.counts = RowCounts()
        super().__init__({"model": self.model, "files": sink, "rows": self.counts})
        self.exact = False  # the same rows, but in other files for other shards

    def start(self, model: StateDict | None = None) -> dict[str, Any]:
        started = self.model.start(model)
        return {"model": started, "files": self.sink.start(), "rows": self.counts.start()}

    def reduce(self, state: dict[str, Any], batch: pa.RecordBatch) -> dict[str, Any]:
        scored = self.layout.batch(batch, state["model"])
        bad = pc.sum(pc.not_equal(scored.column("row_status"), OK)).as_py() or 0
        counted = ValidatedBatch(None, batch.num_rows - bad, bad, None)
        return {
            "model": state["model"],
            "files": self.sink.reduce(state["files"], scored),
            "rows": self.counts.reduce(state["rows"], counted),
        }

    def finish(self, summary: StateDict, model: StateDict | None = None) -> Scores:
        rows = summary.part("rows").params
        files = self.sink.finish(summary.part("files"))
        return Scores(files, rows["used"] + rows["quarantined"], rows["quarantined"])
