"""Provenance of a result: software versions, processor features, petafit's own code."""

import functools
import hashlib
import platform
from collections.abc import Iterator
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path

_DISTRIBUTIONS = (
    "petafit",
    "numpy",
    "scipy",
    "pyarrow",
    "scikit-learn",
    "numba",
    "deltalake",
    "pyspark",
)
# These features change the last bits of exp, log and fused products.
_FEATURES = frozenset({"fma", "avx", "avx2", "avx512f", "asimd", "sve"})


def installed_versions() -> dict[str, str]:
    """Return versions of Python and of packages that affect results, and the processor's features.

    Packages that are not installed are left out; none is imported.

    Examples
    --------
    >>> sorted(installed_versions())[:2]
    ['deltalake', 'machine']
    """
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    versions["processor_features"] = _processor_features()
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@functools.cache
def code_digest() -> str:
    """Return the SHA-256 of petafit's source, for the keys of work that later attempts reuse."""
    total = hashlib.sha256()
    for name, file in _sources(resources.files("petafit")):
        total.update(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def _sources(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield prefix + entry.name, entry


def _processor_features() -> str:
    """Return the features among `_FEATURES` that Linux reports; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return " ".join(sorted(_FEATURES.intersection(flags.split())))
