"""The start of the command line, before packages are imported that may be too old."""

import sys
from collections.abc import Sequence
from typing import NoReturn

from petafit.errors import ConfigurationError
from petafit.store.requirements import require_packages


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command; exits with the code the error, if any, stands for."""
    try:
        require_packages()
    except ConfigurationError as error:
        print(f"petafit: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    from petafit.cli.command import run
    from petafit.cli.commands import app

    run(app, argv)
