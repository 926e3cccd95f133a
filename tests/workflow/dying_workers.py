"""A training whose shard 1 kills its worker, so many times; or one that is not to wait for ever."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark import TaskContext

import petafit
from petafit.aggregate import spark as engine
from petafit.config.settings import Settings
from petafit.errors import PetafitError
from petafit.features.instances import Encoding
from petafit.workflow import fit_in_rounds as fitting


class Dying(Encoding):
    """Rows whose reader is killed after one batch, in the first attempts."""

    def __call__(
        self, raw: Iterator[Any], *, shard: int, piece: int = 0, skip: int = 0
    ) -> Iterator[Any]:
        encoded = super().__call__(raw, shard=shard, piece=piece, skip=skip)
        return _killed(encoded) if shard == 1 else encoded


def _killed(batches: Iterator[Any]) -> Iterator[Any]:
    context = TaskContext.get()
    for batch in batches:
        yield batch
        if context is not None and context.attemptNumber() < deaths:
            os.kill(os.getpid(), signal.SIGKILL)


class _Stop(logging.Handler):
    """Ends the process at the first warning."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)
        os._exit(0)


if __name__ == "__main__":
    path, run_id, deaths = sys.argv[1], sys.argv[2], int(sys.argv[3])
    logging.basicConfig(level=logging.WARNING)
    if len(sys.argv) > 4:
        engine._WAIT_SECONDS = 1.0
        logging.getLogger("petafit").addHandler(_Stop(logging.WARNING))
    fitting.Encoding = Dying
    settings = Settings.model_validate_json(Path(path).read_text())
    try:
        run = petafit.train(settings, run_id=run_id)
    except PetafitError as error:
        sys.exit(str(error))
    print(run.manifest["model"]["digest"])
