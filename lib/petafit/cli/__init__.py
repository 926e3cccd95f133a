"""The command line: `petafit JOB --env local --task flights`."""

from petafit.cli.main import app, main

__all__ = ["app", "main"]
