"""The cache of one kernel: what was shipped, else what this host has compiled before.

Notes
-----
Numba finds a cache by the path of the source, so that an archive that Spark unpacks anew for every
application would be compiled anew. Here the name of a folder says all that matters
(`folders.version_name`). Of numba this uses `FunctionCache`, which serializes compiled signatures,
and `IndexDataCacheFile`, which stores them.
"""

import logging
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba.core import caching

from petafit.compiled.counter import counter
from petafit.compiled.folders import (
    PACKAGE,
    cache_folder,
    packaged_folder,
    version_name,
    version_of_kernels,
)
from petafit.compiled.host_lock import HostLock

log = logging.getLogger("petafit")

_caching: Any = caching  # numba's own types are partial


class _ModuleLocator(_caching._CacheLocator):  # type: ignore[misc]
    """Places the cache of a kernel by the name of its module."""

    def __init__(self, kernel: Callable[..., Any], file: str) -> None:
        self._kernel = kernel
        self._py_file = file  # numba's warnings name it

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_ModuleLocator":
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return self._kernel.__module__

    def get_source_stamp(self) -> str:
        if self._kernel.__module__.partition(".")[0] == PACKAGE:
            return version_of_kernels()
        return _digest(self._py_file)

    def get_disambiguator(self) -> str:
        return str(self._kernel.__code__.co_firstlineno)


class _ModuleCache(_caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_ModuleLocator,)


class KernelCache(_caching.FunctionCache):  # type: ignore[misc]
    """Loads signatures of a kernel from the shipped folder or the host's; saves to the latter.

    On a host one process compiles at a time; the others load what it has saved.
    """

    _impl_class = _ModuleCache

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what a cache holds for a signature; None if it is to be compiled."""
        target_context.refresh()
        version = version_name(target_context.codegen().magic_tuple())
        found = self._load(sig, target_context, packaged_folder() / version)
        if found is None:
            found = self._load(sig, target_context, _own(version))
        if found is None and counter.depth == 0:
            _lock(version).acquire()
            found = self._load(sig, target_context, _own(version))
            if found is None:
                _say_once(version)
            else:
                _lock(version).release()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save a compiled signature for other processes, where that is possible."""
        version = version_name(data.codegen.magic_tuple())
        try:
            if self._impl.check_cachable(data):
                reduced = self._impl.reduce(data)
                Path(_own(version), self._cache_path).mkdir(parents=True, exist_ok=True)
                _save(self._file(_own(version)), self._index_key(sig, data.codegen), reduced)
        except OSError as error:
            log.warning("A compiled kernel cannot be saved: %s", error)
        finally:
            if counter.depth == 0:
                _lock(version).release()

    def _load(self, sig: Any, target_context: Any, folder: Path) -> Any:
        key = self._index_key(sig, target_context.codegen())
        try:
            found = self._file(folder).load(key)
        except Exception:  # a damaged file may raise anything: it is compiled anew
            log.debug("%s holds a damaged kernel", folder, exc_info=True)
            return None
        return None if found is None else self._impl.rebuild(target_context, found)

    def _file(self, folder: Path) -> Any:
        return _caching.IndexDataCacheFile(
            cache_path=str(folder / self._cache_path),
            filename_base=self._impl.filename_base,
            source_stamp=self._impl.locator.get_source_stamp(),
        )


def _save(file: Any, key: Any, reduced: Any) -> None:
    try:
        file.save(key, reduced)
    except OSError:
        raise
    except Exception:  # the index is damaged
        file.flush()
        file.save(key, reduced)


def _own(version: str) -> Path:
    return cache_folder() / version


@cache
def _lock(version: str) -> HostLock:
    lock = HostLock(_own(version) / "lock")
    counter.after_failure.append(lock.release)
    return lock


@cache
def _say_once(version: str) -> None:
    """Say that kernels are compiled, and why what was shipped does not serve."""
    packaged = sorted(path.name for path in packaged_folder().glob("*-*"))
    if not packaged:
        log.info("compiling kernels, once for this host: they are kept in %s", _own(version))
    elif version in packaged:
        log.warning("%s lacks a kernel: it is compiled, once for this host", packaged_folder())
    else:
        log.warning(
            "the kernels in %s are for another processor or version (%s, not %s): they are "
            "compiled, once for this host, into %s",
            *(packaged_folder(), ", ".join(packaged), version, _own(version)),
        )


@cache
def _digest(file: str) -> str:
    try:
        return sha256(Path(file).read_bytes()).hexdigest()
    except OSError:  # typed in, or within a zip
        return f"{file} of {sys.version}"
