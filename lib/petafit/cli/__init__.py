"""The command line: `petafit JOB --env local --task flights`."""

from petafit.cli.app import app, main

__all__ = ["app", "main"]
