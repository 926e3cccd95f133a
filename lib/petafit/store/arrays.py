"""State dicts of arrays and plain parameters, which are sent, stored, merged and published."""

import hashlib
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from petafit.errors import StorageError
from petafit.store.disk import Buffers, as_buffers
from petafit.store.npz import read_members, write_members

_HEAD = "__named__"  # member with the parameters and the names of the arrays
_DAMAGE = (  # exceptions of zipfile, numpy and json for invalid bytes
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    SyntaxError,
    tokenize.TokenError,
    OSError,
    EOFError,
    RuntimeError,  # includes NotImplementedError: unknown compression, encryption
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class StateDict:
    """A flat set of named numpy arrays and plain parameters.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        Never of dtype object.
    params : mapping of str to JSON values
        Numbers, strings, booleans, None, and lists and mappings of these.
    """

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def prefixed(self, prefix: str) -> Self:
        """Return the same content under names that start with ``prefix/``."""
        return type(self)(
            {f"{prefix}/{name}": array for name, array in self.arrays.items()},
            {f"{prefix}/{name}": value for name, value in self.params.items()},
        )

    def part(self, prefix: str) -> Self:
        """Return what `prefixed` put under ``prefix/``, under its original names."""
        start = f"{prefix}/"
        return type(self)(
            {n.removeprefix(start): a for n, a in self.arrays.items() if n.startswith(start)},
            {n.removeprefix(start): v for n, v in self.params.items() if n.startswith(start)},
        )

    def __or__(self, other: "StateDict") -> "StateDict":
        return StateDict({**self.arrays, **other.arrays}, {**self.params, **other.params})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateDict) and to_bytes(self) == to_bytes(other)

    def __hash__(self) -> int:
        return hash(to_bytes(self))


def to_bytes(named: StateDict) -> bytes:
    """Return an uncompressed ``.npz``; equal content gives equal bytes.

    An array's content is its dtype, shape, values and memory order: all are needed to continue a
    computation bit for bit.

    Raises
    ------
    StorageError
        An array of dtype object, a reserved name, or a parameter that JSON cannot represent.
    """
    return b"".join(to_buffers(named))


def to_buffers(named: StateDict) -> Buffers:
    """Return the bytes of `to_bytes` as buffers, without copying the values of large arrays.

    Raises
    ------
    StorageError
        As `to_bytes`.
    """
    if _HEAD in named.arrays:
        raise StorageError(f"The array name {_HEAD!r} is petafit's own", hint="Choose another.")
    arrays = {name: np.asarray(named.arrays[name]) for name in sorted(named.arrays)}
    return write_members({_HEAD: np.frombuffer(_head(named), dtype=np.uint8), **arrays})


def from_bytes(content: bytes) -> StateDict:
    """Read what `to_bytes` wrote.

    Raises
    ------
    StorageError
        The bytes are damaged or were never written by `to_bytes`.
    """
    try:
        arrays = read_members(content)
        head = json.loads(arrays.pop(_HEAD).tobytes())
        if head["arrays"] != sorted(arrays):  # a damaged archive directory can hide a member
            raise KeyError(f"arrays {head['arrays']}")
        params = dict(head["params"].items())
    except _DAMAGE as error:
        raise StorageError(
            "Stored arrays cannot be read",
            got=str(error),
            hint="The file is damaged or was not written by petafit.",
        ) from error
    return StateDict(arrays, params)


def digest(content: bytes | Buffers) -> str:
    """Return the SHA-256 of some bytes, in hexadecimal."""
    total = hashlib.sha256()
    for buffer in as_buffers(content):
        total.update(buffer)
    return total.hexdigest()


def _head(named: StateDict) -> bytes:
    head = {"arrays": sorted(named.arrays), "params": named.params}
    try:
        return json.dumps(head, sort_keys=True, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise StorageError("A parameter cannot be stored as JSON", got=str(error)) from error
