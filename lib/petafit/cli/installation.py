"""Commands about an installation: kernels, an archive for workers, whether all is in place."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from petafit.cli.command import AsJson, Conf, Env, Overrides, load, set_up_logging
from petafit.compiled.target import Target
from petafit.errors import ConfigurationError
from petafit.messages import printable
from petafit.workflow.doctor import doctor, worst
from petafit.workflow.package import Package, package
from petafit.workflow.precompile import compile_kernels

Cpu = Annotated[
    Target,
    typer.Option(
        help="The processors to compile for: this machine's own kind, or a level that all hosts "
        "have. Results are the same."
    ),
]


def compile_(
    into: Annotated[
        Path | None, typer.Option(help="The folder; by default this installation's own.")
    ] = None,
    cpu: Cpu = "native",
) -> None:
    """Compile all kernels ahead, so that jobs with this installation compile nothing."""
    done = compile_kernels(into, target=cpu)
    typer.echo(f"Compiled {done.count} kernels for {done.target} into {done.folder}")


def package_(
    output: Annotated[
        Path | None, typer.Option(help="The archive; by default petafit-VERSION-pyXY.tar.gz here.")
    ] = None,
    python: Annotated[
        str, typer.Option(help="The workers' Python, at its path on their hosts.")
    ] = sys.executable,
    cpu: Cpu = "native",
    driver: Annotated[
        bool, typer.Option(help="Include what a driver needs, for --deploy-mode cluster.")
    ] = False,
) -> None:
    """Build an archive of petafit for Spark's workers, who then need nothing but Python."""
    set_up_logging(verbose=False)
    made = package(output, python=python, target=cpu, driver=driver)
    typer.echo(f"Wrote {made.path}")
    typer.echo(f"sha256 {made.digest}  {made.size / 1e6:.0f} MB")
    typer.echo(f"{made.kernels} kernels compiled for {made.target}. Submit with:\n")
    typer.echo(_submit_line(made, driver))


def _submit_line(made: Package, driver: bool) -> str:
    """Return the command line that uses an archive."""
    worker = "./environment/bin/python"
    if driver:
        where = ["--master yarn --deploy-mode cluster", f"--conf spark.pyspark.python={worker}"]
    else:
        own = shlex.quote(sys.executable)
        where = [
            f"--conf spark.pyspark.python={worker}",
            f"--conf spark.pyspark.driver.python={own}",
        ]
    lines = [
        "spark-submit $(petafit config --env cluster --task TASK --spark-submit)",
        f"--archives {shlex.quote(str(made.path))}#environment",
        *where,
        "jobs/train.py --env cluster --task TASK",
    ]
    return " \\\n  ".join(lines)


def doctor_(
    env: Env = "local",
    task: Annotated[
        str | None, typer.Option("--task", "-t", help="Look at a task's table, too.")
    ] = None,
    overrides: Overrides = None,
    conf: Conf = None,
    as_json: AsJson = False,
) -> None:
    """Look at Java, Spark, storage and every executor, and say what to mend.

    The exit code is 0 if jobs can run, 2 if something must be mended.
    """
    set_up_logging(verbose=False)
    checks = doctor(load(task, env, conf, overrides).settings)
    status = worst(checks)
    if as_json:
        found = [check.as_dict() for check in checks]
        typer.echo(json.dumps({"status": status, "checks": found}, indent=2))
    else:
        for check in checks:
            typer.echo(f"{check.status:<8} {check.name}: {printable(check.found)}")
            if check.mend:
                typer.echo(f"{'':<8} -> {check.mend}")
    if status == "failed":
        raise typer.Exit(ConfigurationError.exit_code)


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command("compile")(compile_)
    app.command("package")(package_)
    app.command("doctor")(doctor_)
