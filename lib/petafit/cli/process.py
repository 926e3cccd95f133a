"""A command as a process: its signals, its log lines, its exit code."""

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import typer

from petafit.errors import PetafitError
from petafit.messages import printable


def run(app: typer.Typer, argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command line's command; exits with the code the error, if any, stands for."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=None if argv is None else list(argv))
    except PetafitError as error:
        logging.getLogger("petafit").debug("where it was raised", exc_info=error)
        sys.exit(complain(error, error.exit_code))
    sys.exit(0)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """A scheduler's SIGTERM ends a run as Ctrl-C does: recorded, with nothing half-written."""
    raise KeyboardInterrupt


def complain(what: object, code: int) -> int:
    """Print what went wrong; returns the exit code."""
    typer.secho(f"petafit: {what}", err=True, fg="red" if sys.stderr.isatty() else None)
    return code


class OneLine(logging.Formatter):
    """Makes of each message one line without secrets; a traceback keeps its lines, without them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802, logging's own name
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).splitlines()))


def set_up_logging(verbose: bool) -> None:
    """Log to standard error, one line a message."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("petafit").setLevel(logging.DEBUG if verbose else logging.INFO)
