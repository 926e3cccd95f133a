"""A training that is not to wait for ever: it ends at the first warning."""

import logging
import os
import sys
from pathlib import Path

import petafit
from petafit.aggregate import spark as engine
from petafit.config.settings import Settings
from petafit.errors import PetafitError


class _Stop(logging.Handler):
    """Ends the process at the first warning."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)
        os._exit(0)


if __name__ == "__main__":
    engine._WAIT_SECONDS = 1.0
    logging.getLogger("petafit").addHandler(_Stop(logging.WARNING))
    try:
        petafit.train(Settings.model_validate_json(Path(sys.argv[1]).read_text()))
    except PetafitError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
