"""Installation of what pip cannot install: Java, jars, and quiet logging for Spark.

``python -m petafit.spark.provision`` runs once for an environment, with ``--storage s3`` where
Spark itself reads S3. Jobs then resolve nothing over the network when they start, under ``python``
and ``spark-submit`` alike.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from petafit.errors import ConfigurationError, PetafitError, StorageError
from petafit.spark.java import ensure_java
from petafit.spark.releases import DELTA, OLDEST, S3, JarRelease, release_of

_OURS = "# Written by petafit"

_AGAIN = (
    "To try again: python -m petafit.spark.provision{option}. Behind a mirror, let "
    "DEFAULT_ARTIFACT_REPOSITORY name it: Spark's resolver takes it from there."
)


@dataclass(frozen=True)
class _Addition:
    """Jars beside Spark's own.

    Attributes
    ----------
    stale : tuple of str
        Patterns of the files that another release of them leaves.
    without : str
        The remedy where they are missing.
    """

    name: str
    releases: Mapping[tuple[int, int], JarRelease]
    stale: tuple[str, ...]
    without: str


_DELTA = _Addition(
    "Delta's jars",
    DELTA,
    ("delta-*.jar",),
    "Without them Spark reads and writes Parquet tables only; the local engine "
    f"(`--set engine=local`) reads Delta tables all the same.\n{_AGAIN.format(option='')}",
)
_S3 = _Addition(
    "The jars for S3",
    S3,
    ("hadoop-aws-*.jar", "bundle-2.*.jar"),
    "Without them Spark itself cannot read s3://; the workers can (`stream: direct`). Or name "
    "`hadoop-aws` of Spark's own Hadoop version in `spark.jars.packages` of `spark.submit`.\n"
    + _AGAIN.format(option=" --storage s3"),
)


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
    return _ensure(_DELTA, spark)


def ensure_s3(spark: Path) -> bool:
    """Install the jars with which Spark itself reads S3; False if they are unavailable.

    Raises
    ------
    StorageError
        A downloaded file has another digest.
    """
    return _ensure(_S3, spark)


def _ensure(wanted: _Addition, spark: Path) -> bool:
    version = metadata.version("pyspark")
    release = wanted.releases.get(release_of(version) or OLDEST)
    if release is None:
        known = ", ".join(f"{major}.{minor}" for major, minor in wanted.releases)
        _say_without(wanted, f"they are for Spark {known}, this is {version}")
        return False
    if not wrong_jars(spark / "jars", release.jars):
        print(f"{wanted.name} are in place")
        return True
    print(f"{wanted.name}: resolving {release.package}", flush=True)
    with tempfile.TemporaryDirectory(prefix="petafit-") as folder:
        problem = resolve(release, spark, into=Path(folder))
        if problem:
            _say_without(wanted, f"Spark's resolver says:\n{problem}")
            return False
        install_jars(Path(folder, "jars"), spark / "jars", release.jars, stale=wanted.stale)
    print(f"{wanted.name}: {len(release.jars)} files checked and put into {spark / 'jars'}")
    return True


def resolve(release: JarRelease, spark: Path, *, into: Path) -> str:
    """Download a package with Spark's resolver; return an error text, or an empty one."""
    empty = into / "nothing.py"
    empty.touch()
    command = [
        *(str(spark / "bin" / "spark-submit"), "--master", "local[1]"),
        *("--conf", f"spark.jars.ivy={into}", "--conf", "spark.ui.enabled=false"),
        *(("--exclude-packages", release.excluded) if release.excluded else ()),
        *("--packages", release.package, str(empty)),
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


def install_jars(
    source: Path, jars: Path, digests: Mapping[str, str], *, stale: Sequence[str]
) -> None:
    """Copy resolved jars (``<group>_<name>``) into Spark's folder, and remove stale ones.

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
                f"{name} was not downloaded as published",
                expected=f"SHA-256 {digests[name]}",
                got=got or "no file",
                hint="Nothing was installed. Try again, or look at the repository it came from.",
            )
    for name, path in found.items():
        _place(path, jars / name)
    for pattern in stale:
        for path in set(jars.glob(pattern)) - {jars / name for name in digests}:
            path.unlink()


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


def _say_without(wanted: _Addition, reason: str) -> None:
    print(f"{wanted.name} could not be installed: {reason}\n{wanted.without}", file=sys.stderr)


def _last_lines(output: str) -> str:
    """Return the end of a command's output, without blank lines and Java's stack traces."""
    lines = [line for line in output.splitlines() if line.strip()]
    return "\n".join([line for line in lines if not line.startswith("\tat ")][-8:])


def main(arguments: Sequence[str] = ()) -> int:
    """Install everything, report what was done, and return the exit code."""
    options = argparse.ArgumentParser(prog="python -m petafit.spark.provision")
    options.add_argument(
        "--storage", choices=["s3"], help="install what Spark itself reads this storage with, too"
    )
    asked = options.parse_args(arguments)
    try:
        spark = spark_folder()
        ensure_java()
        ensure_quiet(spark)
        ensure_delta(spark)
        if asked.storage == "s3" and not ensure_s3(spark):
            return StorageError.exit_code
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
    sys.exit(main(sys.argv[1:]))
