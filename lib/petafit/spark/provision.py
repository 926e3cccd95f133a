"""Installation of what pip cannot install: Java, Delta's jars, and quiet logging for Spark.

``python -m petafit.spark.provision`` runs once for an environment. Jobs then resolve nothing over
the network when they start, under ``python`` and ``spark-submit`` alike.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from petafit.errors import ConfigurationError, PetafitError, StorageError
from petafit.spark.java import ensure_java
from petafit.spark.releases import DELTA, OLDEST, release_of

_OURS = "# Written by petafit"

# Delta's other dependencies are among Spark's own jars, or are for Unity Catalog only.
_NOT_NEEDED = "com.*:*,commons-*:*,io.airlift:*,io.unitycatalog:*,javax.*:*,org.*:*"


def ensure_quiet(spark: Path) -> None:
    """Install petafit's logging configuration in this Spark, unless it has another.

    Raises
    ------
    StorageError
        Spark's folder cannot be written.
    """
    ours = Path(__file__).with_name("log4j2.properties")
    target = spark / "conf" / ours.name
    if not target.exists() or target.read_text().startswith(_OURS):
        _place(ours, target)


def ensure_delta(spark: Path) -> bool:
    """Install Delta's jars, verified, in Spark's folder; False if they are unavailable.

    Raises
    ------
    StorageError
        A downloaded file has another digest.
    """
    version = metadata.version("pyspark")
    delta = DELTA.get(release_of(version) or OLDEST)
    if delta is None:
        known = ", ".join(f"{major}.{minor}" for major, minor in DELTA)
        _say_without_delta(f"they are for Spark {known}, this is {version}")
        return False
    if not wrong_jars(spark / "jars", delta.jars):
        print("Delta's jars are in place")
        return True
    print(f"Delta's jars: resolving {delta.package}", flush=True)
    with tempfile.TemporaryDirectory(prefix="petafit-") as folder:
        problem = resolve(delta.package, spark, into=Path(folder))
        if problem:
            _say_without_delta(f"Spark's resolver says:\n{problem}")
            return False
        install_jars(Path(folder, "jars"), spark / "jars", delta.jars)
    print(f"Delta's jars: {len(delta.jars)} files checked and put into {spark / 'jars'}")
    return True


def resolve(package: str, spark: Path, *, into: Path) -> str:
    """Download a package with Spark's resolver; return an error text, or an empty one."""
    empty = into / "nothing.py"
    empty.touch()
    command = [
        *(str(spark / "bin" / "spark-submit"), "--master", "local[1]"),
        *("--conf", f"spark.jars.ivy={into}", "--conf", "spark.ui.enabled=false"),
        *("--exclude-packages", _NOT_NEEDED, "--packages", package, str(empty)),
    ]
    environment = os.environ | {
        "SPARK_HOME": str(spark),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
    }
    try:
        subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        return _last_lines(error.stdout)
    except subprocess.TimeoutExpired:
        return "no answer within ten minutes"
    return ""


def install_jars(source: Path, jars: Path, digests: Mapping[str, str]) -> None:
    """Copy resolved jars (``<group>_<name>``) into Spark's folder, replacing another Delta's.

    Raises
    ------
    StorageError
        A file is missing or has another digest, so that none is installed; or Spark's folder
        cannot be written.
    """
    found = {name: next(source.glob(f"*_{name}"), source / name) for name in digests}
    for name, path in found.items():
        got = _digest(path)
        if got != digests[name]:
            raise StorageError(
                f"Delta's {name} was not downloaded as published",
                expected=f"SHA-256 {digests[name]}",
                got=got or "no file",
                hint="Nothing was installed. Try again, or look at the repository it came from.",
            )
    for name, path in found.items():
        _place(path, jars / name)
    for stale in set(jars.glob("delta-*.jar")) - {jars / name for name in digests}:
        stale.unlink()


def wrong_jars(jars: Path, digests: Mapping[str, str]) -> list[str]:
    """Return the names of files that are missing or have another digest."""
    return [name for name, digest in digests.items() if _digest(jars / name) != digest]


def _place(source: Path, target: Path) -> None:
    """Copy atomically: no incomplete file ever has the target's name."""
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, partial)
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            f"Cannot write {target}",
            got=error.strerror,
            hint="Run this step as the user who owns the environment.",
        ) from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _say_without_delta(reason: str) -> None:
    print(
        f"Delta's jars could not be installed: {reason}\n"
        "Without them Spark reads and writes Parquet tables only; the local engine "
        "(`--set engine=local`) reads Delta tables all the same.\n"
        "To try again: python -m petafit.spark.provision. Behind a mirror, let "
        "DEFAULT_ARTIFACT_REPOSITORY name it: Spark's resolver takes it from there.",
        file=sys.stderr,
    )


def _last_lines(output: str) -> str:
    """Return the end of a command's output, without blank lines and Java's stack traces."""
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join([line for line in lines if not line.startswith("\tat ")][-8:])


def main() -> int:
    """Install everything, report what was done, and return the exit code."""
    try:
        spark = spark_folder()
        ensure_java()
        ensure_quiet(spark)
        ensure_delta(spark)
    except PetafitError as error:
        print(f"petafit.spark.provision: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def spark_folder() -> Path:
    """Return the folder of this environment's pyspark package, which is a Spark installation.

    Raises
    ------
    ConfigurationError
        pyspark is not installed.
    """
    package = find_spec("pyspark")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError(
            "Spark is not installed", hint="Run `pip install 'petafit[spark]'` first."
        )
    return Path(package.submodule_search_locations[0])


if __name__ == "__main__":
    sys.exit(main())
