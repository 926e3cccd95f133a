"""`petafit doctor`: whether an environment can run jobs, and what to mend where it cannot."""

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any, Literal

from petafit.compiled.ahead import compiled_ahead
from petafit.config.settings import Settings
from petafit.errors import PetafitError
from petafit.spark.remote import server_url
from petafit.store.trial import trial
from petafit.store.versions import code_digest

log = logging.getLogger("petafit")

Status = Literal["ok", "warning", "failed"]

_PACKAGES = ("petafit", "pyarrow", "numpy", "pandas", "scikit-learn", "numba")
_KERNELS = "`petafit package` and `petafit compile` compile them ahead."
_SHIP = "Ship the driver's with `spark-submit --archives`: `petafit package` makes the archive."
_SHARED = "Give a folder that all hosts reach, s3://, gs:// or hdfs://, and the right to write."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        Its place, such as ``driver: java``, ``executor host-1: pyarrow``.
    found : str
        What is there, or what is wrong.
    mend : str
        What to do; empty where nothing is wrong.
    """

    name: str
    status: Status
    found: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return its fields."""
        return asdict(self)


def doctor(settings: Settings) -> list[Check]:
    """Look at the driver, storage, Spark and every executor; a failure never ends it.

    Parameters
    ----------
    settings : Settings
        Of an environment; a task's table is looked at, too, if there is one.
    """
    checks = [*_driver(), *_storage(settings), *_table(settings)]
    if settings.engine == "local":
        return [*checks, Check("spark", "ok", "not used: engine is local")]
    if server_url(settings) is None:  # Spark Connect's client needs no Java
        checks.append(_attempt("driver: java", _java))
        if checks[-1].status != "ok":
            return checks
    return [*checks, *_spark(settings)]


def worst(checks: Iterable[Check]) -> Status:
    """Return the worst status among checks."""
    found = {check.status for check in checks}
    return next((status for status in ("failed", "warning") if status in found), "ok")


def _driver() -> Iterator[Check]:
    yield Check("driver: python", "ok", f"{platform.python_version()}, {sys.executable}")
    versions = (f"{name} {metadata.version(name)}" for name in _PACKAGES)
    yield Check("driver: packages", "ok", ", ".join(versions))
    yield Check("driver: machine", "ok", _machine(os.cpu_count() or 1, _memory()))
    yield _kernels("driver: kernels", compiled_ahead())


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _machine(cores: int, memory: int) -> str:
    return f"{cores} cores, {memory / 2**30:.1f} GiB"


def _kernels(name: str, folder: str) -> Check:
    if folder:
        return Check(name, "ok", f"in {folder}")
    return Check(name, "warning", "to be compiled by the first job of the host", _KERNELS)


def _storage(settings: Settings) -> Iterator[Check]:
    for name in ("runs", "models"):
        uri = getattr(settings.paths, name)
        wrong = trial(uri)
        yield Check(
            f"driver: paths.{name}", *(("failed", wrong, _SHARED) if wrong else ("ok", uri))
        )


def _table(settings: Settings) -> Iterator[Check]:
    if settings.table.uri:
        from petafit.table.opening import open_table

        yield _attempt(
            "driver: table",
            lambda: f"{settings.table.uri}, {len(open_table(settings.table).files):,} files",
        )


def _java() -> str:
    from petafit.spark.java import require_java

    return require_java()


def _attempt(name: str, action: Callable[[], str]) -> Check:
    """Make a check of what an action says, or of the error that it raises."""
    try:
        return Check(name, "ok", action())
    except PetafitError as error:
        parts = [error.what, *([f"got {error.got}"] if error.got is not None else [])]
        return Check(name, "failed", "; ".join(parts), error.hint or "See the message.")


def _spark(settings: Settings) -> Iterator[Check]:
    """Look at a session, and through it at every executor."""
    from petafit.spark.capacity import slots
    from petafit.spark.conf import value_of
    from petafit.spark.failures import in_one_sentence
    from petafit.spark.probe import ask_executors
    from petafit.spark.session import delta_available, open_session

    try:
        with open_session(settings, app_name="petafit doctor") as session:
            master = value_of(session, "spark.master")
            yield Check("spark", "ok", f"{session.version}, master {master}")
            yield _delta(session.version, delta_available(session))
            folders = [settings.paths.runs, settings.paths.models]
            with in_one_sentence("The executors do not answer", kind=PetafitError):
                answers = ask_executors(session, folders, slots=slots(session))
    except PetafitError as error:
        yield Check("spark", "failed", str(error.what), error.hint or _SHIP)
        return
    for number, answer in enumerate(sorted(answers, key=lambda each: str(each["executor"]))):
        name = f"executor {number} on {answer['host']}"
        yield from _executor(name, answer, local=master.startswith("local"))


def _delta(version: str, available: bool) -> Check:
    if available:
        return Check("spark: delta", "ok", "Delta tables can be read and written")
    mend = f"`python -m petafit.spark.provision`, or delta-spark for Spark {version} in spark.jars."
    return Check("spark: delta", "warning", "Spark itself has no Delta: Parquet tables only", mend)


def _executor(name: str, answer: Mapping[str, Any], *, local: bool) -> Iterator[Check]:
    """Compare an executor with the driver."""
    yield Check(f"{name}: machine", "ok", _machine(answer["cores"], answer["memory"]))
    own: dict[str, str | None] = {"python": platform.python_version()}
    own |= {package: metadata.version(package) for package in _PACKAGES}
    for what, wanted in own.items():
        if answer[what] != wanted:
            found = f"{answer[what] or 'missing'}; the driver has {wanted}"
            yield Check(f"{name}: {what}", "failed", found, _SHIP)
    if "error" in answer:
        yield Check(f"{name}: petafit", "failed", answer["error"], _SHIP)
        return
    if answer["code"] != code_digest()[:12]:
        found = f"code {answer['code']}; the driver has {code_digest()[:12]}"
        yield Check(f"{name}: petafit", "failed", found, _SHIP)
    else:
        yield Check(f"{name}: petafit", "ok", f"{answer['petafit']}, as the driver's")
    for uri, wrong in answer["folders"].items():
        if wrong and not local:
            yield Check(f"{name}: {uri}", "failed", wrong, _SHARED)
    yield _kernels(f"{name}: kernels", answer["kernels"])
