"""Parts that commands share: options, the settings they lead to, signals, logs, exit codes."""

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer

from petafit.config.exporting import ExportFormat
from petafit.config.layers import Resolved, load_settings
from petafit.config.settings import Paths
from petafit.errors import PetafitError
from petafit.messages import printable
from petafit.store.object_storage import export

Task = Annotated[str, typer.Option("--task", "-t", help="A file in conf/tasks, by its name.")]
Env = Annotated[str, typer.Option("--env", "-e", help="A file in conf, by its name.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one setting; repeatable."),
]
Conf = Annotated[
    Path | None,
    typer.Option(help="The folder of settings; by default $PETAFIT_CONF, or ./conf."),
]
RunId = Annotated[str | None, typer.Option(help="Names the run; the same id again resumes it.")]
LogicalDate = Annotated[
    str | None,
    typer.Option(help="The date the run stands for, as 2013-10-01; {logical_date} in settings."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Also say why and how.")]
Influence = Annotated[
    Literal["partitions"] | None,
    typer.Option(help="How the loss on the test rows would change without each partition."),
]
ExportTo = Annotated[ExportFormat | None, typer.Option(help="The format.")]
ExportFolder = Annotated[str | None, typer.Option(help="The folder to make.")]
Budget = Annotated[
    str | None, typer.Option(help="When to end: 10m, 5M rows, or 1 pass over the training rows.")
]
Ablate = Annotated[
    bool | None, typer.Option("--ablate", help="Say what each part of the task is worth instead.")
]
TaskFile = Annotated[str | None, typer.Option(help="Where to write the best task, too.")]
Model = Annotated[
    str | None,
    typer.Option(help="Its name, NAME@VERSION or NAME@ALIAS; by default the task's latest."),
]


def load(
    task: str | None, env: str, conf: Path | None, overrides: Sequence[str] | None = None
) -> Resolved:
    """The settings that the options ask for; from here on this process uses their storage."""
    resolved = load_settings(task=task, env=env, conf=conf, overrides=overrides or ())
    export(resolved.settings.storage.variables())
    return resolved


def paths(env: str, conf: Path | None) -> Paths:
    """The places of an environment's runs and models."""
    return load(None, env, conf).settings.paths


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
