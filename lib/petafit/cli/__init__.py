"""The command line: `petafit JOB --env local --task flights`."""

from petafit.cli.main import main

__all__ = ["main"]
