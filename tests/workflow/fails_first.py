"""A training whose every task fails in its first attempt, after it has learnt from two batches."""

import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext

import petafit
from petafit.config.settings import Settings
from petafit.features.instances import Encoding
from petafit.workflow import fit_in_rounds as fitting


class FailsFirst(Encoding):
    """Rows that are lost after two batches, unless it is not the first time."""

    def __call__(
        self, raw: Iterator[Any], *, shard: int, piece: int = 0, skip: int = 0
    ) -> Iterator[Any]:
        return _lost(super().__call__(raw, shard=shard, piece=piece, skip=skip))


def _lost(batches: Iterator[Any]) -> Iterator[Any]:
    context = TaskContext.get()
    for number, batch in enumerate(batches, start=1):
        yield batch
        if number == 2 and context is not None and context.attemptNumber() == 0:
            Path(failures, uuid.uuid4().hex).touch()
            raise OSError("the machine is lost")


if __name__ == "__main__":
    settings, failures = sys.argv[1:]
    fitting.Encoding = FailsFirst
    run = petafit.train(Settings.model_validate_json(Path(settings).read_text()))
    print(run.manifest["model"]["digest"])
