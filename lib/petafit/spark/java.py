"""Detection of the Java that Spark will use, and how to install one."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from petafit.errors import ConfigurationError

OLDEST = 17

_INSTALL = {
    "debian": f"apt-get install openjdk-{OLDEST}-jre-headless",
    "fedora": f"dnf install java-{OLDEST}-openjdk-headless",
    "rhel": f"dnf install java-{OLDEST}-openjdk-headless",
    "suse": f"zypper install java-{OLDEST}-openjdk-headless",
    "arch": f"pacman -S jre{OLDEST}-openjdk-headless",
    "alpine": f"apk add openjdk{OLDEST}-jre-headless",
    "Darwin": f"brew install openjdk@{OLDEST}",
}


def require_java() -> str:
    """Return the `java` command that Spark will start.

    Raises
    ------
    ConfigurationError
        There is none, or it is too old for Spark; the message says how to install one.
    """
    command = _spark_takes()
    version = _version(command)
    if version >= OLDEST:
        return command
    raise ConfigurationError(
        f"Spark needs Java {OLDEST} or newer",
        got=f"Java {version} from {command}" if version else f"no Java from {command}",
        hint=f"{install_hint()} Without Java, `--set engine=local` trains and evaluates.",
    )


def ensure_java() -> None:
    """Find Java, or install it if permitted: as root, with apt.

    Raises
    ------
    ConfigurationError
        There is none, and it may not be installed here.
    """
    try:
        require_java()
    except ConfigurationError:
        if os.geteuid() != 0 or not _has_apt() or "JAVA_HOME" in os.environ:
            raise
        _install_java()
        require_java()


def install_hint() -> str:
    """Return how to install Java on this system, as one sentence."""
    kinds = [*_distributions(), platform.system()]
    command = next((_INSTALL[kind] for kind in kinds if kind in _INSTALL), "")
    install = f"Install it, or a newer one, with `{command}`" if command else "Install it"
    if os.environ.get("JAVA_HOME"):
        return f"{install}, and let JAVA_HOME name it or unset JAVA_HOME."
    return f"{install}, or let JAVA_HOME name one."


def _has_apt() -> bool:
    return "debian" in _distributions() and shutil.which("apt-get") is not None


def _install_java() -> None:
    print(f"Java {OLDEST} or newer is missing: installing it with apt", flush=True)
    try:
        _apt("apt-get", "update", "-qq")
        listed = _apt("apt-cache", "search", "--names-only", "^openjdk-[0-9]+-jre-headless$")
        versions = [int(found) for found in re.findall(r"openjdk-(\d+)-jre", listed)]
        fitting = min((version for version in versions if version >= OLDEST), default=OLDEST)
        _apt("apt-get", "install", "-y", "-qq", f"openjdk-{fitting}-jre-headless")
    except subprocess.CalledProcessError as error:
        raise ConfigurationError(
            "Java could not be installed with apt", got=error.stdout.strip().rpartition("\n")[2]
        ) from error
    print(f"Installed openjdk-{fitting}-jre-headless")


def _apt(*command: str) -> str:
    return subprocess.run(
        command,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout


def _spark_takes() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", "java")) if home else "java"


def _version(command: str) -> int:
    """Return the major version; 0 without Java (macOS has a `java` that only prints a message)."""
    try:
        answer = subprocess.run([command, "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    return int(found[1]) if found else 0


def _distributions() -> list[str]:
    """Return the Linux distribution and its ancestors, by the names of os-release(5)."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return []
    return [release.get("ID", ""), *release.get("ID_LIKE", "").split()]
