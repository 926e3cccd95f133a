"""Arguments of spark-submit, and a private file for those that other users must not read."""

import hashlib
import os
import re
from pathlib import Path
from uuid import uuid4

from petafit.config.section import Scalar
from petafit.config.settings import Settings
from petafit.errors import ConfigurationError
from petafit.messages import holds_secret, redact

# The shell splits a command substitution's output at white space and expands patterns.
_IN_WORDS = re.compile(r"[^\s*?\[\]]*")


def submit_arguments(settings: Settings) -> list[str]:
    """Return the arguments of spark-submit for these settings, as words that need no shell quoting.

    Command lines are public on a machine. So secrets, and values that a shell would split, go into
    a properties file that only this user can read. Equal settings give the same file, so repeated
    calls do not accumulate files.

    Raises
    ------
    ConfigurationError
        Spark does not support this deploy mode for Python, the settings are of Spark Connect, or
        the file cannot be written.

    Notes
    -----
    With ``--properties-file`` Spark ignores ``spark-defaults.conf`` unless called with
    ``--load-spark-defaults`` (Spark 4.0 and newer).
    """
    if settings.spark.remote is not None:
        raise ConfigurationError(
            "Nothing is submitted to a Spark Connect server",
            got=redact(f"spark.remote: {settings.spark.remote}"),
            hint="Run the job as a command: `petafit train --env ENV --task TASK`.",
        )
    check_deploy_mode(settings)
    pairs, master = as_text(settings.spark.submit), []
    if settings.spark.master and holds_secret("spark.master", settings.spark.master):
        pairs["spark.master"] = settings.spark.master
    elif settings.spark.master:
        master = ["--master", settings.spark.master]
    private = {name: value for name, value in pairs.items() if _is_private(name, value)}
    words = [f"{name}={value}" for name, value in pairs.items() if name not in private]
    named = [*master, *(word for pair in words for word in ("--conf", pair))]
    if not private:
        return named
    return [*named, "--load-spark-defaults", "--properties-file", str(_properties_file(private))]


def check_deploy_mode(settings: Settings) -> None:
    """Refuse a mode that Spark refuses: a Python driver on a standalone cluster's worker.

    Raises
    ------
    ConfigurationError
        The master is a standalone one, and the deploy mode is ``cluster``.
    """
    mode = str(settings.spark.submit.get("spark.submit.deployMode", "client"))
    if mode == "cluster" and (settings.spark.master or "").startswith("spark://"):
        raise ConfigurationError(
            "Spark's standalone clusters run no Python application in cluster mode",
            expected="spark.submit.deployMode: client",
            got=mode,
            hint="Submit from a machine of the cluster's network in client mode, or use YARN or "
            "Kubernetes.",
        )


def as_text(settings: dict[str, Scalar]) -> dict[str, str]:
    """Format values as the JVM does.

    Examples
    --------
    >>> as_text({"spark.ui.enabled": False, "spark.executor.cores": 2})
    {'spark.ui.enabled': 'false', 'spark.executor.cores': '2'}
    """
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in settings.items()
    }


def _is_private(name: str, value: str) -> bool:
    return holds_secret(name, value) or not _IN_WORDS.fullmatch(f"{name}={value}")


def _properties_file(pairs: dict[str, str]) -> Path:
    """Write a file of Java properties with mode 600, named by its content."""
    content = "".join(f"{_escaped(name)}={_escaped(value)}\n" for name, value in pairs.items())
    name = f"{hashlib.sha256(content.encode()).hexdigest()[:16]}.properties"
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "petafit/submit"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid() or not _IN_WORDS.fullmatch(str(folder)):
            raise PermissionError("it belongs to another user, or a shell would take it apart")
        temporary = folder / f".{uuid4().hex}"
        temporary.touch(mode=0o600, exist_ok=False)
        temporary.write_text(content)
        return temporary.replace(folder / name)
    except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home directory
        raise ConfigurationError(
            "A private file for spark-submit cannot be written below the cache folder",
            got=str(error),
            hint="Set XDG_CACHE_HOME to a folder of this user's, without spaces in its path.",
        ) from error


def _escaped(text: str) -> str:
    """Escape all characters but letters and digits for `java.util.Properties`.

    Examples
    --------
    >>> print(_escaped("-Da=b c"))
    \\u002dDa\\u003db\\u0020c
    """
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2))
    return "".join(
        chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\u{code:04x}"
        for code in codes
    )
